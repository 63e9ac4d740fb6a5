//! The bytes of every message.

use crate::samples::{id, json, replies, requests};
use driftless_core::event::{EventBatchBuilder, NewEvent, Sequence};
use driftless_core::wire::{Ack, ClientRequest, Events, ServerMessage, ServerReply, encode_ack, encode_events};

#[test]
fn every_message_of_a_client_has_these_bytes_and_reads_back() {
    let frames: Vec<_> = requests().iter().map(ClientRequest::encode).collect();
    assert_kept!(frames.join("\n"));
    for (request, frame) in requests().iter().zip(&frames) {
        assert_eq!(ClientRequest::decode(frame).as_ref(), Ok(request), "{frame}");
    }
}

#[test]
fn every_message_of_a_server_has_these_bytes_and_reads_back() {
    let frames: Vec<_> = replies().iter().map(ServerReply::encode).collect();
    assert_kept!(frames.join("\n"));
    for (reply, frame) in replies().iter().zip(&frames) {
        assert_eq!(ServerReply::decode(frame).as_ref(), Ok(reply), "{frame}");
    }
}

#[test]
fn stored_events_are_framed_without_being_looked_into() {
    let mut batch = EventBatchBuilder::new(Sequence::new(8));
    for text in [r#"{"eventId":"a"}"#, r#"{"eventId":"b"}"#] {
        batch.append(&NewEvent::read(&json(text)).unwrap());
    }
    let batch = batch.build();
    let reference = json("7");
    let range = (Sequence::new(7), Sequence::new(9));
    let frame = encode_events("us\"ers", Some(range), Some(&reference), batch.text(0, 2));
    let slow = ServerReply {
        reference: Some(reference),
        message: ServerMessage::Events(Events {
            repository: "us\"ers".into(),
            events: batch.iter().map(|event| json(event.text)).collect(),
            after: Some(range.0),
            last: Some(range.1),
        }),
    };
    assert_eq!(frame, slow.encode());
    assert_eq!(
        encode_events("users", None, None, batch.text(1, 2)),
        r#"{"type":"events","repository":"users","events":[{"eventId":"b","serverSequence":9}]}"#
    );
}

#[test]
fn the_short_way_to_an_ack_has_the_same_bytes() {
    let acked = [(id("a"), Sequence::new(8)), (id("b\\"), Sequence::new(9))];
    let ids: Vec<_> = acked.iter().map(|(id, _)| id.clone()).collect();
    let slow = ServerReply {
        reference: Some(json("[]")),
        message: ServerMessage::Ack(Ack {
            event_ids: ids.clone(),
            repositories: vec![("us\"ers".into(), ids)],
            sequences: vec![("us\"ers".into(), acked.to_vec())],
        }),
    };
    let frame = encode_ack(
        "us\"ers",
        acked.iter().map(|(id, sequence)| (id, *sequence)),
        Some(&json("[]")),
    );
    assert_eq!(frame, slow.encode());
}
