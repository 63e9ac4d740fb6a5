//! When a client syncs.

use crate::world::{Todo, World, live, sees, soon, state, todo};
use driftless::client::Connection;
use driftless::core::client::Strategy;
use std::time::Duration;

pub(crate) async fn rounds_sync_when_they_are_told_to_and_no_sooner(world: &mut World) {
    let asleep = |state: &Connection| *state == Connection::Offline { retry_in: None };
    let manual = world.open(world.builder().strategy(Strategy::manual())).await;
    let todos = manual.repository::<Todo>("todos").unwrap();
    let receipt = todos.upsert(&todo("a", 1)).await.unwrap();
    assert!(asleep(&manual.connection_state()));
    soon("a round", manual.sync_now()).await.unwrap();
    soon("the ack", receipt.acked()).await.unwrap();
    state(&manual, "asleep again", asleep).await;

    let periodic = Strategy {
        every: Some(Duration::from_millis(20)),
        ..Strategy::manual()
    };
    let periodic = world.open(world.builder().strategy(periodic)).await;
    sees(&periodic, "the first round's", &[todo("a", 1)]).await;
    todos.upsert(&todo("b", 2)).await.unwrap();
    soon("another round", manual.sync_now()).await.unwrap();
    sees(&periodic, "a later round's", &[todo("a", 1), todo("b", 2)]).await;

    let on_connectivity = Strategy {
        on_connectivity: true,
        ..Strategy::manual()
    };
    let roaming = world.open(world.builder().strategy(on_connectivity)).await;
    soon("the round at the start", roaming.sync_now()).await.unwrap();
    roaming.set_connectivity(false).await.unwrap();
    todos.upsert(&todo("c", 3)).await.unwrap();
    soon("a third round", manual.sync_now()).await.unwrap();
    state(&roaming, "asleep", asleep).await;
    roaming.set_connectivity(true).await.unwrap();
    sees(
        &roaming,
        "what came meanwhile",
        &[todo("a", 1), todo("b", 2), todo("c", 3)],
    )
    .await;

    // In real time nothing but the network can keep it.
    let real_time = world.client().await;
    live(&real_time).await;
    real_time.set_connectivity(false).await.unwrap();
    state(&real_time, "offline", |state| !state.is_connected()).await;
    real_time.set_connectivity(true).await.unwrap();
    live(&real_time).await;
    for client in [manual, periodic, roaming, real_time] {
        client.stop().await;
    }
}
