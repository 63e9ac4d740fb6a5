//! Live queries.

use crate::world::{Todo, World, live, soon, todo};
use driftless::client::{Results, Watch};
use driftless::core::event::Json;
use driftless::storage::{Comparison, Direction};

async fn answer(watch: &mut Watch<Todo>) -> Results<Todo> {
    soon("an answer", watch.next()).await.unwrap().unwrap()
}

fn ids(results: &Results<Todo>) -> Vec<&str> {
    results.iter().map(|item| &*item.id).collect()
}

pub(crate) async fn a_watched_query_tells_every_change_that_matters(world: &mut World) {
    let (one, other) = (world.client().await, world.client().await);
    live(&one).await;
    let (mine, theirs) = (
        one.repository::<Todo>("todos").unwrap(),
        other.repository::<Todo>("todos").unwrap(),
    );
    let query = mine.query().filter("done", Comparison::equal(false));
    let mut watch = query.order_by("rank", Direction::Descending).limit(2).watch();
    assert!(answer(&mut watch).await.is_empty());
    // Local: told at once as pending, and again once it is not.
    mine.upsert(&todo("a", 1)).await.unwrap();
    let first = answer(&mut watch).await;
    assert_eq!(ids(&first), ["a"]);
    let mut settled = first;
    while settled[0].pending || settled[0].sequence.is_none() {
        settled = answer(&mut watch).await;
        assert_eq!(ids(&settled), ["a"]);
    }
    // Remote.
    theirs.upsert(&todo("b", 2)).await.unwrap();
    assert_eq!(ids(&answer(&mut watch).await), ["b", "a"]);
    // Done, behind the limit, or no todo at all: nothing to tell, or told apart.
    let done = Todo {
        done: true,
        ..todo("c", 9)
    };
    theirs.upsert(&done).await.unwrap();
    theirs.upsert(&todo("d", 0)).await.unwrap();
    let junk = Json::parse(r#"{"done":false,"rank":5}"#.to_owned()).unwrap();
    other.upsert("todos", "junk", junk).await.unwrap();
    let told = answer(&mut watch).await;
    assert_eq!(ids(&told), ["b"]);
    assert_eq!(&*told.unreadable[0].id, "junk");
    theirs.delete("junk").await.unwrap();
    theirs.delete("b").await.unwrap();
    while ids(&answer(&mut watch).await) != ["a", "d"] {}
    // What is left out in front counts too.
    let open = mine.query().filter("done", Comparison::equal(false));
    let mut second = open.order_by("rank", Direction::Ascending).offset(1).limit(1).watch();
    assert_eq!(ids(&answer(&mut second).await), ["a"]);
    theirs.upsert(&todo("e", 7)).await.unwrap();
    theirs.delete("d").await.unwrap();
    assert_eq!(ids(&answer(&mut second).await), ["e"]);
    mine.upsert(&todo("d", 0)).await.unwrap();
    while ids(&answer(&mut watch).await) != ["e", "a"] {}
    assert_eq!(mine.query().count().await.unwrap(), 4);
    one.stop().await;
    while soon("the end", watch.next()).await.is_some() {}
    other.stop().await;
}
