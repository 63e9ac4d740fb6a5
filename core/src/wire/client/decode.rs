//! Decodes what clients send.

use super::{Auth, ClientMessage, ClientRequest, DecodeError, Position, RequestEvents, Subscribe};
use crate::event::members::{elements, string, unsigned};
use crate::event::{EventId, MAX_DEPTH, Sequence, Timestamp};
use crate::name::RepositoryName;
use crate::wire::frame::{Field, Frame, Sentence, entries, missing, wrong};
use crate::wire::{Epoch, ErrorCode};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;

/// Longest `ref`, in bytes of JSON. It comes back on every frame of the answer.
pub const MAX_REF_BYTES: usize = 256;

/// Most custom fields of an `auth`. The published client sends its user's headers there; there are never many.
pub const MAX_AUTH_FIELDS: usize = 256;

/// Most repositories that one message names.
pub const MAX_REPOSITORIES: usize = 100_000;

/// Most bytes of an unknown `type` that the error repeats.
const SHOWN_TYPE_BYTES: usize = 64;

/// What is wrong with a message, and its code.
struct Fault {
    code: ErrorCode,
    message: String,
}

impl From<Sentence> for Fault {
    fn from(message: Sentence) -> Self {
        Self {
            code: ErrorCode::BadMessage,
            message,
        }
    }
}

impl ClientRequest {
    /// Decodes a text frame.
    pub fn decode(frame: &ByteString) -> Result<Self, DecodeError> {
        let mut fields = Frame::read(frame).map_err(|message| DecodeError {
            code: ErrorCode::BadMessage,
            message,
            reference: None,
        })?;
        let reference = fields.any(Field::Ref).map(|reference| reference.detached());
        if reference
            .as_ref()
            .is_some_and(|reference| reference.len() > MAX_REF_BYTES)
        {
            return Err(DecodeError {
                code: ErrorCode::BadMessage,
                message: format!("`ref` is longer than {MAX_REF_BYTES} bytes"),
                reference: None,
            });
        }
        match message(frame, &mut fields) {
            Ok(message) => Ok(Self { reference, message }),
            Err(Fault { code, message }) => Err(DecodeError {
                code,
                message,
                reference,
            }),
        }
    }
}

fn message(frame: &ByteString, fields: &mut Frame<'_>) -> Result<ClientMessage, Fault> {
    if fields.nests_deeper(MAX_DEPTH) {
        return Err(format!("the frame nests deeper than {MAX_DEPTH} levels").into());
    }
    let kind = fields.text(Field::Type)?.ok_or_else(|| missing(Field::Type))?;
    Ok(match &*kind {
        "auth" => ClientMessage::Auth(auth(frame, fields)?),
        "ping" => ClientMessage::Ping,
        "pong" => ClientMessage::Pong,
        "push_event" => ClientMessage::PushEvent {
            repository: repository_text(fields)?,
            event: fields.any(Field::Event).ok_or_else(|| missing(Field::Event))?,
        },
        "push_events_batch" => ClientMessage::PushEventsBatch {
            repository: repository_text(fields)?,
            events: fields.events()?,
        },
        "request_events" => ClientMessage::RequestEvents(request_events(fields)?),
        "request_all_events" => ClientMessage::RequestAllEvents {
            repository: optional_repository(fields)?,
            limit: fields.number(Field::Limit)?,
        },
        "events_received" => ClientMessage::EventsReceived {
            repository: repository(fields)?,
            count: fields.number(Field::Count)?.unwrap_or(0),
        },
        "subscribe" => ClientMessage::Subscribe(subscribe(fields)?),
        "unsubscribe" => ClientMessage::Unsubscribe {
            repositories: repository_list(fields)?,
        },
        _ => return Err(unknown_type(&kind)),
    })
}

fn unknown_type(kind: &str) -> Fault {
    let shown = &kind[..kind.floor_char_boundary(SHOWN_TYPE_BYTES)];
    Fault {
        code: ErrorCode::UnknownType,
        message: format!("`type` is not one that a client sends: {shown:?}"),
    }
}

fn auth(frame: &ByteString, fields: &Frame<'_>) -> Result<Auth, Fault> {
    let mut custom = Vec::new();
    let read = entries(frame, |name, value| {
        if !matches!(&*name, "type" | "ref" | "token" | "protocol" | "client") {
            if custom.len() == MAX_AUTH_FIELDS {
                return None;
            }
            custom.push((name.into_owned(), fields.json(value)));
        }
        Some(())
    });
    read.ok_or_else(|| format!("`auth` has more than {MAX_AUTH_FIELDS} fields, or one whose name is not Unicode"))?;
    Ok(Auth {
        token: fields.text(Field::Token)?.map(Cow::into_owned),
        protocol: fields.raw(Field::Protocol).and_then(unsigned),
        client: fields.raw(Field::Client).map(|client| fields.json(client)),
        fields: custom,
    })
}

fn request_events(fields: &Frame<'_>) -> Result<RequestEvents, Fault> {
    Ok(RequestEvents {
        repository: repository(fields)?,
        after: fields.number(Field::AfterSequence)?.map(Sequence::new),
        since: fields.raw(Field::Since).map(since).transpose()?,
        limit: fields.number(Field::Limit)?,
        fields: Vec::new(),
    })
}

fn since(value: &str) -> Result<Timestamp, Sentence> {
    let moment = match string(value) {
        Some(text) => Timestamp::parse(&text),
        None => value.parse().ok().and_then(Timestamp::from_millis),
    };
    moment.ok_or_else(|| {
        wrong(
            Field::Since,
            "an ISO 8601 date and time or integer milliseconds since 1970",
        )
    })
}

fn subscribe(fields: &Frame<'_>) -> Result<Subscribe, Fault> {
    let epoch = fields.text(Field::Epoch)?.map(|text| {
        Epoch::new(text).ok_or_else(|| wrong(Field::Epoch, &format!("1 to {} bytes long", Epoch::MAX_BYTES)))
    });
    let value = fields
        .raw(Field::Repositories)
        .ok_or_else(|| missing(Field::Repositories))?;
    let (mut repositories, mut fault) = (Vec::new(), None);
    let read = entries(value, |name, value| match subscription(&name, value) {
        Ok(_) if repositories.len() == MAX_REPOSITORIES => None,
        Ok(subscription) => {
            repositories.push(subscription);
            Some(())
        }
        Err(error) => {
            fault = Some(error);
            None
        }
    });
    match (read, fault) {
        (Some(()), _) => Ok(Subscribe {
            epoch: epoch.transpose()?,
            repositories,
        }),
        (None, Some(fault)) => Err(fault),
        (None, None) => Err(wrong(
            Field::Repositories,
            &format!("an object of at most {MAX_REPOSITORIES} repositories"),
        )
        .into()),
    }
}

fn subscription(name: &str, value: &str) -> Result<(RepositoryName, Position), Fault> {
    let name = repository_name(name)?;
    let wrong = |what: &str| Fault::from(format!("`repositories` has for {name:?} {what}"));
    let (mut after, mut seen) = ("null", "null");
    entries(value, |key, value| {
        match &*key {
            "afterSequence" => after = value,
            "seen" => seen = value,
            _ => {}
        }
        Some(())
    })
    .ok_or_else(|| wrong("no object"))?;
    let after = match after {
        "null" => Sequence::ZERO,
        text => {
            Sequence::new(unsigned(text).ok_or_else(|| wrong("an `afterSequence` that is not a non-negative integer"))?)
        }
    };
    let seen = match seen {
        "null" => None,
        text => Some(last_seen(text).ok_or_else(|| wrong("a `seen` that is not [sequence, event id]"))?),
    };
    let fields = Vec::new();
    Ok((name, Position { after, seen, fields }))
}

fn last_seen(value: &str) -> Option<(Sequence, EventId)> {
    let mut parts = ["null"; 2];
    let mut count = 0;
    elements(value, |part| {
        *parts.get_mut(count)? = part;
        count += 1;
        Some(())
    })?;
    // In a buffer of its own: the position outlives the frame.
    let id = EventId::new(string(parts[1])?.into_owned()).ok()?;
    Some((Sequence::new(unsigned(parts[0])?), id))
}

/// The repository of a push, unchecked: the reply to a bad one names the events.
fn repository_text(fields: &Frame<'_>) -> Result<ByteString, Fault> {
    let text = fields
        .text(Field::Repository)?
        .ok_or_else(|| missing(Field::Repository))?;
    Ok(fields.share(text))
}

fn repository(fields: &Frame<'_>) -> Result<RepositoryName, Fault> {
    optional_repository(fields)?.ok_or_else(|| missing(Field::Repository).into())
}

fn optional_repository(fields: &Frame<'_>) -> Result<Option<RepositoryName>, Fault> {
    fields
        .text(Field::Repository)?
        .map(|name| repository_name(&name))
        .transpose()
}

fn repository_list(fields: &Frame<'_>) -> Result<Vec<RepositoryName>, Fault> {
    let value = fields
        .raw(Field::Repositories)
        .ok_or_else(|| missing(Field::Repositories))?;
    let mut names: Vec<Cow<'_, str>> = Vec::new();
    let read = elements(value, |name| {
        names.push(string(name).filter(|_| names.len() < MAX_REPOSITORIES)?);
        Some(())
    });
    read.ok_or_else(|| {
        wrong(
            Field::Repositories,
            &format!("a list of at most {MAX_REPOSITORIES} repository names"),
        )
    })?;
    names.iter().map(|name| repository_name(name)).collect()
}

fn repository_name(name: &str) -> Result<RepositoryName, Fault> {
    RepositoryName::new(name).map_err(|error| Fault {
        code: ErrorCode::InvalidRepository,
        message: format!("{error}"),
    })
}
