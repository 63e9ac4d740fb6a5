//! Connect, authenticate, stay alive, reconnect.

use super::*;

#[test]
fn the_main_path_from_start_to_an_acked_write() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    world.open();
    world.receive(AUTH_SUCCESS);
    world.receive(&stream(
        0,
        2,
        &[event(1, "a", r#"{"n":1}"#), event(2, "b", r#"{"n":2}"#)],
    ));
    world.receive(r#"{"type":"sync_complete","repository":"notes","lastSequence":2,"ref":1}"#);
    let id = world.put("a", r#"{"n":3}"#);
    world.receive(&ack(&id, 3));
    world.receive(&stream(2, 3, &[event(3, "a", r#"{"n":3}"#).replace("x3", &id)]));
    insta::assert_snapshot!(world.trace());
}
