//! How large an event an extended server takes. A larger one would only be refused, or end the connection every time.

use super::lane::Ruling;
use super::outbox::push;
use crate::event::Json;
use crate::name::RepositoryName;
use crate::wire::{ClientRequest, ErrorCode, Extended};
use alloc::format;
use bytestring::ByteString;

/// The limits on one event of a repository; none for a plain server, which tells of none.
pub(super) struct EventLimits(Option<Limits>);

struct Limits {
    event_bytes: u64,
    frame_bytes: u64,
    /// Bytes of a frame beside the one event in it.
    around: u64,
}

impl EventLimits {
    pub(super) fn new(server: Option<&Extended>, repository: &RepositoryName) -> Self {
        Self(server.map(|server| Limits {
            event_bytes: server.limits.event_bytes,
            frame_bytes: server.limits.frame_bytes,
            around: bytes_around(repository),
        }))
    }

    /// Why the server will never take an event; `None` if it may.
    pub(super) fn refuse(&self, event: &Json) -> Option<Ruling> {
        let limits = self.0.as_ref()?;
        let most = limits.event_bytes.min(limits.frame_bytes.saturating_sub(limits.around));
        (event.len() as u64 > most).then(|| Ruling::Rejected {
            code: Some(ErrorCode::EventTooLarge),
            message: format!("The event is larger than {most} bytes, the most that the server takes."),
        })
    }
}

fn bytes_around(repository: &RepositoryName) -> u64 {
    let event = Json::trusted(ByteString::from_static("0"));
    let message = push(ByteString::from(&**repository), [event].into());
    let frame = ClientRequest {
        reference: None,
        message,
    };
    frame.encode().len() as u64 - 1
}
