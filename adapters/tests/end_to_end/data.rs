//! Local data: transactions, namespaces, copies.

use crate::world::{Todo, World, live, sees, soon, todo};
use driftless::client::{ClientError, ImportError};
use futures_util::io::Cursor;
use tempfile::TempDir;

pub(crate) async fn a_batch_is_all_or_nothing_and_namespaces_are_apart(world: &mut World) {
    let folder = TempDir::new().unwrap();
    let alice = world
        .open(world.builder().sqlite_namespace(folder.path(), "alice"))
        .await;
    let todos = alice.repository::<Todo>("todos").unwrap();
    let too_large = "x".repeat(20 << 20);
    let batch = alice.batch().upsert(&todos, &todo("a", 1)).unwrap();
    let large = Todo {
        title: too_large,
        ..todo("b", 2)
    };
    let failed = batch.upsert(&todos, &large).unwrap().commit().await;
    assert!(matches!(failed, Err(ClientError::Write(_))), "{failed:?}");
    assert_eq!(todos.get("a").await.unwrap(), None);
    let batch = alice.batch().upsert(&todos, &todo("a", 1)).unwrap();
    let receipt = batch.upsert(&todos, &todo("b", 2)).unwrap().commit().await.unwrap();
    assert_eq!(receipt.events().len(), 2);
    soon("the ack of both", receipt.acked()).await.unwrap();
    alice.stop().await;
    let stopped = todos.upsert(&todo("late", 1)).await;
    assert!(matches!(stopped, Err(ClientError::Stopped)), "{stopped:?}");
    world.stop().await;
    // Another user of the same device has nothing of it.
    let bob = world.open(world.builder().sqlite_namespace(folder.path(), "Bob")).await;
    assert_eq!(bob.query("todos").await.unwrap(), []);
    bob.stop().await;
    let alice = world
        .open(world.builder().sqlite_namespace(folder.path(), "alice"))
        .await;
    assert_eq!(alice.query("todos").await.unwrap().len(), 2);
    alice.stop().await;
    world.start().await;
}

pub(crate) async fn a_repository_is_exported_imported_cleared_and_read_again(world: &mut World) {
    let client = world.client().await;
    live(&client).await;
    let todos = client.repository::<Todo>("todos").unwrap();
    let mut all = Vec::new();
    for rank in 0..1_200 {
        all.push(todo(&format!("{rank:04}"), rank));
    }
    let lines: Vec<String> = all
        .iter()
        .map(|todo| {
            format!(
                r#"{{"id":"{}","data":{}}}"#,
                todo.id,
                serde_json::to_string(todo).unwrap()
            )
        })
        .collect();
    let text = format!("{}\n\n", lines.join("\n"));
    let imported = todos.import(&mut Cursor::new(text)).await.unwrap();
    assert_eq!(imported, 1_200);
    let wrong = todos
        .import(&mut Cursor::new("{\"id\":\"x\",\"data\":1}\nnothing\n"))
        .await;
    assert!(matches!(wrong, Err(ImportError::Line { line: 2, .. })), "{wrong:?}");
    soon("the flush", client.flush()).await.unwrap();
    let mut exported = Vec::new();
    assert_eq!(todos.export(&mut exported).await.unwrap(), 1_200);
    assert_eq!(String::from_utf8(exported).unwrap(), format!("{}\n", lines.join("\n")));
    world.stop().await;
    let waiting = todos.upsert(&todo("lost", 1)).await.unwrap();
    soon("the clearing", todos.clear()).await.unwrap();
    assert!(waiting.acked().await.is_err());
    assert_eq!(todos.query().count().await.unwrap(), 0);
    assert_eq!(client.pending().await.unwrap(), []);
    world.start().await;
    sees(&client, "everything again", &all).await;
    todos.resync().await.unwrap();
    sees(&client, "everything after a resync", &all).await;
    client.stop().await;
}
