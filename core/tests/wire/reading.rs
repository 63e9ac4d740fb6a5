//! What is read leniently, and what is shared with the frame.

use crate::samples::id;
use bytestring::ByteString;
use driftless_core::event::{Sequence, Timestamp};
use driftless_core::wire::{
    Ack, ClientMessage, ClientRequest, Limits, ServerError, ServerMessage, ServerReply, SyncComplete,
};

fn request(frame: &str) -> ClientMessage {
    ClientRequest::decode(&ByteString::from(frame)).unwrap().message
}

fn reply(frame: &str) -> ServerMessage {
    ServerReply::decode(&ByteString::from(frame)).unwrap().message
}

#[test]
fn pushed_events_are_slices_of_the_frame() {
    let frame = ByteString::from_static(
        r#"{"events":[ {"eventId":"a", "n":1.0} ,{"\u0065ventId":"b"}],"repository":"users","type":"push_events_batch","later":{}}"#,
    );
    let ClientMessage::PushEventsBatch { repository, events } = ClientRequest::decode(&frame).unwrap().message else {
        panic!("a batch");
    };
    assert_eq!(repository, "users");
    assert_eq!(events[0].text(), r#"{"eventId":"a", "n":1.0}"#);
    assert_eq!(events[0].as_ptr(), frame[12..].as_ptr());
    assert_eq!(events[1].text(), r#"{"\u0065ventId":"b"}"#);
}

#[test]
fn nulls_and_unknown_fields_are_as_if_they_were_not_there() {
    assert_eq!(
        request(r#"{"type":"request_all_events","repository":null,"limit":null,"color":{"a":[1]},"\ud800":1}"#),
        ClientMessage::RequestAllEvents {
            repository: None,
            limit: None
        }
    );
    let ClientMessage::Auth(auth) = request(r#"{"type":"auth","token":null,"protocol":"1","client":null,"X-A":null}"#)
    else {
        panic!("an auth");
    };
    assert_eq!((auth.token, auth.protocol, auth.client), (None, None, None));
    assert_eq!(auth.fields.len(), 1);
}

#[test]
fn the_last_of_several_fields_counts() {
    assert_eq!(request(r#"{"type":"pong","type":"ping"}"#), ClientMessage::Ping);
}

#[test]
fn keys_and_types_may_be_written_with_escapes() {
    assert_eq!(request(r#"{"\u0074ype":"p\u0069ng"}"#), ClientMessage::Ping);
}

#[test]
fn since_is_a_moment_in_any_form() {
    let since = |value: &str| match request(&format!(
        r#"{{"type":"request_events","repository":"users","since":{value}}}"#
    )) {
        ClientMessage::RequestEvents(request) => request.since.map(Timestamp::as_millis),
        other => panic!("{other:?}"),
    };
    for value in [
        r#""2025-01-23T10:00:00Z""#,
        r#""2025-01-23 12:00:00.000+02:00""#,
        "1737626400000",
    ] {
        assert_eq!(since(value), Some(1_737_626_400_000), "{value}");
    }
    assert_eq!(since("null"), None);
}

#[test]
fn a_published_servers_frames_are_read() {
    assert_eq!(
        reply(r#"{"type":"ack","eventIds":["e1",null,7,""],"repositories":{"users":["e1",null]}}"#),
        ServerMessage::Ack(Ack {
            event_ids: vec![id("e1")],
            repositories: vec![("users".into(), vec![id("e1")])],
            sequences: vec![],
        })
    );
    assert_eq!(
        reply(r#"{"type":"sync_complete","repository":null}"#),
        ServerMessage::SyncComplete(SyncComplete::default())
    );
    for plain in [
        r#"{"type":"auth_success"}"#,
        r#"{"type":"auth_success","protocol":"1"}"#,
        r#"{"type":"auth_success","protocol":2}"#,
    ] {
        assert!(
            matches!(reply(plain), ServerMessage::AuthSuccess(auth) if auth.extended.is_none()),
            "{plain}"
        );
    }
}

#[test]
fn an_extended_greeting_needs_no_more_than_its_epoch() {
    let ServerMessage::AuthSuccess(auth) =
        reply(r#"{"type":"auth_success","protocol":1,"epoch":"e","limits":{"batchEvents":7}}"#)
    else {
        panic!("a greeting");
    };
    let extended = auth.extended.unwrap();
    assert_eq!((extended.scope.as_str(), extended.heartbeat_ms), ("", 30_000));
    assert_eq!(
        extended.limits,
        Limits {
            batch_events: 7,
            ..Limits::default()
        }
    );
}

#[test]
fn an_error_is_read_in_whatever_state_it_comes() {
    assert_eq!(
        reply(
            r#"{"type":"error","message":{"no":"text"},"code":"from_the_future","retryable":"yes","repository":7,"eventIds":"e","indexes":[1,"2",3]}"#
        ),
        ServerMessage::Error(ServerError {
            indexes: vec![1, 3],
            ..ServerError::default()
        })
    );
}

#[test]
fn a_sequence_beyond_the_last_one_is_the_last_one() {
    let ServerMessage::SyncComplete(complete) =
        reply(r#"{"type":"sync_complete","lastSequence":18446744073709551615}"#)
    else {
        panic!("a sync_complete");
    };
    assert_eq!(complete.last, Some(Sequence::MAX));
}
