//! A frame of a server, with what it says.

use crate::event::{EnvelopeError, Event};
use crate::wire::{ServerMessage, ServerReply};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytestring::ByteString;
use core::hash::{Hash, Hasher};

/// A frame of a server that is read already, events included. Cheap to clone: a host with many clients of one server
/// reads a frame that comes to all of them once. Equal means equal text.
#[derive(Clone, Debug)]
pub struct Received(Arc<Said>);

/// What a frame says.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) frame: ByteString,
    /// The message, without the texts of its events; else one sentence about why it is none.
    pub(super) reply: Result<ServerReply, String>,
    /// The events of the message that can be read.
    pub(super) events: Vec<Event>,
    /// Why others cannot be.
    pub(super) unreadable: Vec<EnvelopeError>,
}

impl Received {
    /// Reads a text frame, whatever it is.
    pub fn read(frame: ByteString) -> Self {
        let mut said = Said {
            reply: ServerReply::decode(&frame),
            frame,
            events: Vec::new(),
            unreadable: Vec::new(),
        };
        if let Ok(ServerReply {
            message: ServerMessage::Events(message),
            ..
        }) = &mut said.reply
        {
            let texts = core::mem::take(&mut message.events);
            said.events.reserve_exact(texts.len());
            for text in &texts {
                match Event::read(text) {
                    Ok(event) => said.events.push(event),
                    Err(error) => said.unreadable.push(error),
                }
            }
        }
        Self(Arc::new(said))
    }

    /// Whether it says that there are events: what servers send to many clients alike.
    pub fn has_events(&self) -> bool {
        !self.0.events.is_empty()
    }

    pub(super) fn into_said(self) -> Said {
        Arc::unwrap_or_clone(self.0)
    }
}

impl PartialEq for Received {
    fn eq(&self, other: &Self) -> bool {
        self.0.frame == other.0.frame
    }
}

impl Eq for Received {}

impl Hash for Received {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.frame.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_of_a_frame_is_read_and_the_rest_is_told() {
        let frame = r#"{"type":"events","repository":"r","events":[{"eventId":"a","id":"x"},{"id":"y"}]}"#;
        let said = Received::read(frame.into()).into_said();
        let ids: Vec<&str> = said.events.iter().map(|event| &*event.id).collect();
        assert_eq!(
            (ids, said.unreadable),
            (alloc::vec!["a"], alloc::vec![EnvelopeError::NoEventId])
        );
        let other = Received::read("[]".into());
        assert!(!other.has_events() && other.into_said().reply.is_err());
    }
}
