//! Credentials: shown, refused, expired, renewed.

use super::*;

fn credentials(token: &str) -> ClientInput {
    ClientInput::Credentials(ClientCredentials {
        token: Some(token.into()),
        headers: Vec::new(),
    })
}

fn needed(world: &World) -> usize {
    let asks = |notice: &&Notice| matches!(notice, Notice::CredentialsNeeded { .. });
    world.notices.iter().filter(asks).count()
}

#[test]
fn headers_stand_beside_the_fields_of_the_protocol_and_never_overwrite_one() {
    let mut config = config(&[]);
    let header = |name: &str, value: &str| (name.to_string(), value.to_string());
    config.credentials.headers = vec![
        header("Authorization", "Bearer \"x\""),
        header("type", "ping"),
        header("Token", "other"),
        header("protocol", "9"),
        header("ref", "1"),
        header("client", "me"),
        header("X-Tenant", "acme"),
        header("X-Tenant", "twice"),
    ];
    let mut world = World::new(config);
    world.start();
    world.open();
    let frame = world.frame().replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(frame, @r#"{"type":"auth","token":"secret","protocol":1,"client":{"name":"driftless","version":"VERSION"},"Authorization":"Bearer \"x\"","X-Tenant":"acme"}"#);
}

#[test]
fn refused_credentials_wait_for_others_which_are_tried_at_once() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    world.open();
    world.forget();
    world.receive(r#"{"type":"error","message":"No.","code":"auth_failed","retryable":true}"#);
    insta::assert_snapshot!(world.trace(), @r#"
    close 1 1000 the credentials were refused
    notify Connection(AuthenticationFailed { message: "No." })
    notify CredentialsNeeded { message: "No." }
    "#);
    world.pass(600_000);
    world.give(ClientInput::Connectivity(true));
    assert_eq!(world.trace(), "");
    world.give(credentials("other"));
    assert_eq!(*world.state(), ConnectionState::Connecting);
    world.open();
    assert!(world.frame().contains(r#""token":"other""#));
}

#[test]
fn a_close_with_4401_or_4403_is_a_refusal_in_every_phase() {
    for code in [CloseCode::UNAUTHENTICATED, CloseCode::FORBIDDEN] {
        for phase in 0..3 {
            let mut world = World::new(config(&["notes"]));
            world.start();
            if phase > 0 {
                world.open();
            }
            if phase > 1 {
                world.receive(AUTH_SUCCESS);
            }
            world.disconnect(Some(code));
            let message = "gone".to_string();
            assert_eq!(*world.state(), ConnectionState::AuthenticationFailed { message });
            assert_eq!(needed(&world), 1);
        }
    }
}

#[test]
fn a_plain_servers_error_is_a_refusal_only_if_it_says_auth() {
    for (message, refused) in [
        ("Authentication failed", true),
        ("Unauthorized", true),
        ("Invalid credentials", true),
        ("not authenticated", true),
        ("auth failed", true),
        ("Database not connected", false),
        ("author is missing", false),
        ("", false),
    ] {
        let mut world = World::new(config(&["notes"]));
        world.start();
        world.open();
        world.receive(&format!(r#"{{"type":"error","message":"{message}"}}"#));
        let is_refused = matches!(world.state(), ConnectionState::AuthenticationFailed { .. });
        assert_eq!(is_refused, refused, "{message}");
        assert_eq!(
            matches!(world.state(), ConnectionState::Offline { .. }),
            !refused,
            "{message}"
        );
    }
}

#[test]
fn other_errors_during_auth_are_tried_again_later() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    world.open();
    world.receive(r#"{"type":"error","message":"Later.","code":"store_unavailable","retryable":true}"#);
    assert!(matches!(world.state(), ConnectionState::Offline { retry_in: Some(_) }));
}

#[test]
fn other_credentials_are_shown_on_the_live_connection() {
    let mut world = World::live(config(&["notes"]));
    world.give(credentials("renewed"));
    assert!(world.frame().contains(r#""token":"renewed""#));
    assert!(world.state().is_connected());
    // Nothing is pushed before the outcome is known.
    world.put("a", "1");
    assert_eq!(world.frames(), [""; 0]);
    world.receive(AUTH_SUCCESS);
    let frames = world.frames();
    assert!(frames[0].contains("subscribe"), "{frames:?}");
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    assert!(world.frame().contains("push_event"));
}

#[test]
fn a_renewed_subscription_takes_what_the_old_stream_still_sent() {
    let mut world = World::live(config(&["notes"]));
    world.give(credentials("renewed"));
    world.receive(AUTH_SUCCESS);
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    // The new stream starts at the position that was asked for.
    world.receive(&stream(0, 2, &[event(1, "a", "1"), event(2, "a", "2")]));
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    world.receive(&stream(2, 3, &[event(3, "a", "3")]));
    assert_eq!((world.cursor(), world.visible("a")), (3, "3".into()));
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn an_auth_on_the_live_connection_that_is_refused_or_not_answered_ends_it() {
    let mut world = World::live(config(&["notes"]));
    world.give(credentials("bad"));
    world.receive(r#"{"type":"error","message":"No.","code":"auth_failed","retryable":true}"#);
    assert!(matches!(world.state(), ConnectionState::AuthenticationFailed { .. }));

    let mut world = World::live(config(&["notes"]));
    world.give(credentials("slow"));
    world.pass(1_500);
    assert!(matches!(world.state(), ConnectionState::Offline { .. }));
}

#[test]
fn expired_credentials_hold_the_outbox_until_others_come() {
    for code in ["token_expired", "not_authenticated"] {
        let mut world = World::live(config(&["notes"]));
        let id = world.put("a", "1");
        world.forget();
        let named = format!(
            r#"{{"type":"error","message":"Expired.","code":"{code}","retryable":true,"repository":"notes","eventIds":["{id}"]}}"#
        );
        world.receive(&named);
        world.receive(&named);
        assert_eq!(needed(&world), 1);
        assert_eq!(world.client.blocked(), Some(Blocked::Credentials("Expired.".into())));
        world.put("b", "1");
        world.pass(10_000);
        assert_eq!(world.frames(), [""; 0]);
        world.give(credentials("renewed"));
        world.receive(AUTH_SUCCESS);
        world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
        let frames = world.frames();
        assert!(frames.iter().any(|frame| frame.contains(&id)), "{frames:?}");
        assert!(frames.last().unwrap().contains(r#""_data_id":"b""#), "{frames:?}");
        assert_eq!(world.client.blocked(), None);
    }
}

#[test]
fn a_stored_event_that_the_server_has_refused_for_now_is_sent_again_after_a_renewal() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    // The commit was made, and reported to the server as failed.
    world.receive(&outbox::refusal("store_unavailable", true, &[&id]));
    world.receive(&stream(0, 1, &[event(1, "a", "1").replace("x1", &id)]));
    assert_eq!(world.client.pending(), 0);
    world.give(credentials("renewed"));
    world.receive(AUTH_SUCCESS);
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    world.forget();
    world.put("b", "1");
    // The server takes no later event of this connection before that one comes again.
    assert_eq!(outbox::pushed(&mut world), ["a", "b"]);
}

#[test]
fn a_refused_event_that_appears_only_in_a_new_fold_is_sent_again() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.receive(&outbox::refusal("store_unavailable", true, &[&id]));
    world.give(ClientInput::Resync {
        repository: repository("notes"),
    });
    world.receive(&stream(0, 1, &[event(1, "a", "1").replace("x1", &id)]));
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    assert_eq!((world.client.pending(), world.state()), (0, &ConnectionState::Live));
    world.forget();
    world.put("b", "1");
    assert_eq!(outbox::pushed(&mut world), ["a", "b"]);
}

#[test]
fn an_event_that_lands_while_storage_reads_it_again_hides_no_other() {
    let mut config = config(&["notes"]);
    config.limits.window_events = 3;
    let mut world = World::live(config);
    let request = world.write(["a", "b", "c", "d", "e"].map(|record| upsert(record, "1")).into());
    let ids = world.written(request).unwrap().unwrap();
    world.give(credentials("renewed"));
    world.receive(AUTH_SUCCESS);
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    assert_eq!(outbox::pushed(&mut world), ["a", "b", "c", "a", "b", "c"]);
    world.receive(&ack(&ids[0], 1));
    world.storing = false;
    world.receive(&ack(&ids[1], 2));
    // Storage keeps the ack of `b`, and reads on behind `a` when that of `c` comes.
    world.store();
    world.store();
    world.receive(&ack(&ids[2], 3));
    world.storing = true;
    world.store();
    assert_eq!(outbox::pushed(&mut world), ["d", "e"]);
    for (id, sequence) in ids.iter().zip(1..) {
        world.receive(&ack(id, sequence));
    }
    assert_eq!(world.client.pending(), 0);
}

#[test]
fn a_full_window_is_sent_again_after_a_renewal() {
    let mut config = config(&["notes"]);
    config.limits.window_events = 3;
    let mut world = World::live(config);
    world.write(["a", "b", "c", "d"].map(|record| upsert(record, "1")).into());
    assert_eq!(outbox::pushed(&mut world), ["a", "b", "c"]);
    world.give(credentials("renewed"));
    world.receive(AUTH_SUCCESS);
    world.forget();
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    assert_eq!(outbox::pushed(&mut world), ["a", "b", "c"]);
}

#[test]
fn a_push_that_expires_while_others_are_shown_is_sent_again() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.give(credentials("renewed"));
    world.forget();
    world.receive(&format!(
        r#"{{"type":"error","message":"Expired.","code":"token_expired","retryable":true,"repository":"notes","eventIds":["{id}"]}}"#
    ));
    world.receive(AUTH_SUCCESS);
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    let frames = world.frames();
    assert!(frames.last().unwrap().contains(&id), "{frames:?}");
    world.receive(&ack(&id, 1));
    assert_eq!(world.client.pending(), 0);
}

#[test]
fn stored_events_that_fill_the_window_are_sent_again_too_after_other_credentials_were_shown() {
    let mut config = config(&["notes"]);
    config.limits.window_events = 2;
    let mut world = World::live(config);
    let ids: Vec<String> = ["a", "b"].iter().map(|record| world.put(record, "1")).collect();
    let own = (1..).zip(["a", "b"]).zip(&ids);
    let events: Vec<String> = own
        .map(|((sequence, record), id)| event(sequence, record, "1").replace(&format!("x{sequence}"), id))
        .collect();
    world.receive(&stream(0, 2, &events));
    world.put("c", "1");
    world.give(credentials("new"));
    world.receive(AUTH_SUCCESS);
    world.forget();
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    let frames = world.frames().join("\n");
    assert!(ids.iter().all(|id| frames.contains(id)), "{frames}");
    for (id, sequence) in ids.iter().zip(1..) {
        world.receive(&ack(id, sequence));
    }
    assert!(world.frames().join("\n").contains(r#""_data_id":"c""#));
}

#[test]
fn a_server_that_waited_too_long_for_auth_is_tried_again() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    world.open();
    world.receive(r#"{"type":"error","message":"Not authenticated","code":"not_authenticated","retryable":true}"#);
    assert!(matches!(world.state(), ConnectionState::Offline { retry_in: Some(_) }));
}

#[test]
fn credentials_that_come_while_old_ones_are_being_tried_start_over() {
    for opened in [false, true] {
        let mut world = World::new(config(&["notes"]));
        world.start();
        if opened {
            world.open();
        }
        world.forget();
        world.give(credentials("other"));
        assert_eq!(world.socket, SocketId(2));
        assert!(world.trace().starts_with("close 1 1000 other credentials\nconnect 2"));
        world.open();
        assert!(world.frame().contains(r#""token":"other""#));
    }
}

#[test]
fn credentials_that_come_between_attempts_are_shown_at_the_next() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    world.disconnect(None);
    world.give(credentials("other"));
    assert!(matches!(world.state(), ConnectionState::Offline { .. }));
    world.pass(3_000);
    world.open();
    assert!(world.frame().contains(r#""token":"other""#));
}
