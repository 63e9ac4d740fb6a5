//! Frames as they come from the other side of a socket.

use bytestring::ByteString;
use driftless_core::event::{Event, Json, NewEvent, event_id};
use driftless_core::wire::{ClientMessage, ClientRequest, DecodeError, ServerMessage, ServerReply};

/// Longest sentence that is sent back about a frame.
const MAX_SENTENCE_BYTES: usize = 512;

/// What a server does with a client's frame: a message reads back from its own encoding, an error is short, and every
/// pushed event is a slice of the frame that is valid or told.
///
/// # Panics
///
/// If one of these does not hold.
pub fn client_frame(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let frame = ByteString::from(text);
    let request = match ClientRequest::decode(&frame) {
        Ok(request) => request,
        Err(error) => return short(&error),
    };
    assert_eq!(ClientRequest::decode(&request.encode()).as_ref(), Ok(&request));
    match &request.message {
        ClientMessage::PushEvent { event, .. } => pushed(&frame, event),
        ClientMessage::PushEventsBatch { events, .. } => events.iter().for_each(|event| pushed(&frame, event)),
        _ => {}
    }
}

fn short(error: &DecodeError) {
    assert!(
        !error.message.is_empty() && error.message.len() <= MAX_SENTENCE_BYTES,
        "{error}"
    );
    assert!(!error.message.contains('\n'), "{error}");
}

fn pushed(frame: &ByteString, event: &Json) {
    let buffer = frame.as_bytes().as_ptr_range();
    assert!(buffer.contains(&event.as_ptr()), "an event is a slice of its frame");
    if let Ok(new) = NewEvent::read(event) {
        assert_eq!(event_id(event), Some(new.id));
    }
}

/// What a client does with a server's frame: a message reads back from its own encoding, and an event is folded or
/// told, with data that is JSON.
///
/// # Panics
///
/// If one of these does not hold.
pub fn server_frame(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let reply = match ServerReply::decode(&ByteString::from(text)) {
        Ok(reply) => reply,
        Err(sentence) => {
            assert!(
                !sentence.is_empty() && sentence.len() <= MAX_SENTENCE_BYTES,
                "{sentence}"
            );
            return;
        }
    };
    assert_eq!(ServerReply::decode(&reply.encode()).as_ref(), Ok(&reply));
    let ServerMessage::Events(events) = &reply.message else {
        return;
    };
    for event in events.events.iter().filter_map(|event| Event::read(event).ok()) {
        if let Some(data) = event.data {
            assert_eq!(Json::parse(data.text().clone()).ok(), Some(data));
        }
    }
}
