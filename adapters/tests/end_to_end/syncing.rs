//! What is written reaches everybody.

use crate::world::{Todo, World, live, sees, soon, todo};
use driftless::client::Connection;
use driftless::core::client::{LastWriteWins, MergeFields};
use driftless::core::event::Json;
use driftless::core::name::RepositoryName;
use driftless::{Client, wall_clock};
use futures_util::future::join_all;
use tempfile::TempDir;

/// Up to where a client has applied the todos.
async fn cursor(client: &Client) -> u64 {
    let cursors = client.status().await.unwrap().cursors;
    cursors[&RepositoryName::new("todos").unwrap()].get()
}

pub(crate) async fn two_clients_see_what_each_other_writes(world: &mut World) {
    let (one, other) = (world.client().await, world.client().await);
    let (mine, theirs) = (
        one.repository::<Todo>("todos").unwrap(),
        other.repository::<Todo>("todos").unwrap(),
    );
    let (milk, bread) = (todo("milk", 1), todo("bread", 2));
    let receipt = mine.upsert(&milk).await.unwrap();
    soon("the ack", receipt.acked()).await.unwrap();
    sees(&other, "the first", std::slice::from_ref(&milk)).await;
    theirs.upsert(&bread).await.unwrap();
    sees(&one, "the second", &[bread.clone(), milk.clone()]).await;
    let deleted = mine.delete("milk").await.unwrap();
    soon("the ack of the delete", deleted.acked()).await.unwrap();
    sees(&other, "the delete", std::slice::from_ref(&bread)).await;
    soon("the flush", other.flush()).await.unwrap();
    let found = theirs.get("bread").await.unwrap().unwrap();
    assert_eq!((found.value, found.pending, found.rejected), (bread, false, false));
    assert_eq!(theirs.get("milk").await.unwrap(), None);
    let with_deleted = theirs.query().include_deleted().all().await.unwrap();
    assert_eq!(with_deleted.len(), 2);
    assert_eq!(with_deleted[1].value, None);
    one.stop().await;
    other.stop().await;
}

pub(crate) async fn what_was_written_offline_arrives_in_order_and_a_restarted_server_loses_nothing(world: &mut World) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("client.db");
    let client = world.open(world.builder().sqlite(&file)).await;
    live(&client).await;
    world.stop().await;
    let offline = |state: &Connection| !state.is_connected();
    crate::world::state(&client, "offline", offline).await;
    let todos = client.repository::<Todo>("todos").unwrap();
    for rank in 0..50 {
        let written = todos.upsert(&todo("one", rank)).await.unwrap();
        drop(written);
    }
    let pending = client.pending().await.unwrap();
    assert_eq!(pending.len(), 50);
    assert!(todos.get("one").await.unwrap().unwrap().pending);
    client.stop().await;
    // The next client of the file sends what this one could not.
    let client = world.open(world.builder().sqlite(&file)).await;
    assert_eq!(client.pending().await.unwrap(), pending);
    world.start().await;
    soon("the flush", client.flush()).await.unwrap();
    let other = world.client().await;
    sees(&other, "the last", &[todo("one", 49)]).await;
    assert_eq!(cursor(&other).await, 50);
    world.stop().await;
    world.start().await;
    live(&other).await;
    let todos = other.repository::<Todo>("todos").unwrap();
    todos.upsert(&todo("two", 1)).await.unwrap();
    soon("the second flush", other.flush()).await.unwrap();
    sees(&client, "what came later", &[todo("one", 49), todo("two", 1)]).await;
    client.stop().await;
    other.stop().await;
}

pub(crate) async fn concurrent_changes_end_as_the_policy_of_the_repository_says(world: &mut World) {
    let open = async |world: &World| {
        let builder = world.builder().repository("merged", MergeFields);
        world.open(builder.repository("latest", LastWriteWins)).await
    };
    let (one, other) = (open(world).await, open(world).await);
    for name in ["merged", "latest"] {
        let (mine, theirs) = (
            one.repository::<Todo>(name).unwrap(),
            other.repository::<Todo>(name).unwrap(),
        );
        let written = mine.upsert(&todo("a", 1)).await.unwrap();
        soon("the ack", written.acked()).await.unwrap();
        let mut watch = theirs.query().watch();
        while soon("the first", watch.next()).await.unwrap().unwrap().is_empty() {}
    }
    world.stop().await;
    // Neither knows of the other's; the second is the later by the clock.
    let titled = Todo {
        title: "Another title".to_owned(),
        ..todo("a", 1)
    };
    let done = Todo {
        done: true,
        ..todo("a", 1)
    };
    for name in ["merged", "latest"] {
        one.repository(name).unwrap().upsert(&titled).await.unwrap();
    }
    // Of equal times the later in the log would win.
    let written = wall_clock();
    while wall_clock() <= written {
        std::hint::spin_loop();
    }
    for name in ["merged", "latest"] {
        other.repository(name).unwrap().upsert(&done).await.unwrap();
    }
    world.start().await;
    soon("one flush", one.flush()).await.unwrap();
    soon("the other flush", other.flush()).await.unwrap();
    let both = Todo { done: true, ..titled };
    for (name, expected) in [("merged", &both), ("latest", &done)] {
        for client in [&one, &other] {
            let mut watch = client.repository::<Todo>(name).unwrap().query().watch();
            let agrees = async { while watch.next().await.unwrap().unwrap()[0].value != *expected {} };
            soon(name, agrees).await;
        }
    }
    one.stop().await;
    other.stop().await;
}

pub(crate) async fn many_writers_and_large_events_arrive_once_each(world: &mut World) {
    let clients = join_all((0..4).map(|_| world.client())).await;
    let writing = clients.iter().enumerate().map(async |(number, client)| {
        for round in 0..50 {
            let data = Json::parse(format!(r#"{{"n":{round}}}"#)).unwrap();
            let written = client
                .upsert("todos", &format!("{number}-{round}"), data)
                .await
                .unwrap();
            drop(written);
        }
        // Larger than every buffer on its way.
        let large = Json::parse(format!(r#"{{"x":"{}"}}"#, "x".repeat(2 << 20))).unwrap();
        let receipt = client.upsert("todos", &format!("{number}-large"), large).await.unwrap();
        soon("the ack of a large event", receipt.acked()).await.unwrap();
    });
    join_all(writing).await;
    for client in &clients {
        let mut notices = client.notices();
        soon("every event", async {
            while cursor(client).await < 204 {
                notices.next().await.unwrap().unwrap();
            }
        })
        .await;
        assert_eq!(client.query("todos").await.unwrap().len(), 204);
    }
    let first = clients[0].query("todos").await.unwrap();
    for client in &clients[1..] {
        let data = |records: &[driftless::client::Record]| {
            let one = |record: &driftless::client::Record| (record.id.clone(), record.data.clone());
            records.iter().map(one).collect::<Vec<_>>()
        };
        assert_eq!(data(&client.query("todos").await.unwrap()), data(&first));
    }
    for client in clients {
        client.stop().await;
    }
}
