//! What the application is asked and told while a client syncs.

use crate::world::{Todo, World, sees, soon, todo};
use driftless::client::{Applied, OpenError};
use driftless::core::client::{ServerOrder, SyncFilter};
use driftless::core::event::{Json, Sequence};
use std::sync::{Arc, Mutex};

pub(crate) async fn a_filter_says_where_history_begins_and_every_page_is_told(world: &mut World) {
    let author = world.client().await;
    let todos = author.repository::<Todo>("todos").unwrap();
    for rank in 1..=5 {
        todos.upsert(&todo(&format!("{rank}"), rank)).await.unwrap();
    }
    soon("the flush", author.flush()).await.unwrap();
    let told = Arc::new(Mutex::new(Vec::<Applied>::new()));
    let builder = world.builder().sync_filter("todos", || async {
        Some(SyncFilter {
            after: Some(Sequence::new(3)),
            // A server that does not know it ignores it.
            fields: vec![("team".into(), Json::parse(r#"{"a":1}"#.to_owned()).unwrap())],
            ..SyncFilter::default()
        })
    });
    let reader = builder.on_applied({
        let told = told.clone();
        move |page| told.lock().unwrap().push(page)
    });
    let reader = world.open(reader).await;
    sees(&reader, "what comes behind the third", &[todo("4", 4), todo("5", 5)]).await;
    todos.upsert(&todo("6", 6)).await.unwrap();
    sees(&reader, "and what follows", &[todo("4", 4), todo("5", 5), todo("6", 6)]).await;
    author.stop().await;
    // What is durable is told by then; a reader of the storage may see it before.
    reader.stop().await;
    let told = told.lock().unwrap().clone();
    let events: usize = told.iter().map(|page| page.events).sum();
    assert_eq!((events, told.last().unwrap().after), (3, Sequence::new(6)));
    assert!(told.is_sorted_by_key(|page| page.after));
    let nameless = world.builder().sync_filter("others", || async { None });
    let refused = nameless.repository("others", ServerOrder).open(driftless::Smol).await;
    assert!(matches!(refused, Err(OpenError::Filter(_))), "{refused:?}");
}
