//! One event as a line of an export.
//!
//! ```json
//! {"namespace":"default","repository":"users","event":{"_event_id":"…","serverSequence":1}}
//! ```

use driftless_core::event::{Envelope, EnvelopeError, Json, JsonError, MAX_DEPTH, NewEvent, Sequence, depth_exceeds};
use driftless_core::name::{LogName, NameError, Namespace, RepositoryName};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{self, Write};

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The line is not a JSON object with `repository` and `event`.
    #[error("not a line of an export: {0}")]
    Shape(#[from] serde_json::Error),
    /// A namespace or repository that there cannot be.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The event is not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The event is not one.
    #[error("not an event: {0}")]
    Event(#[from] EnvelopeError),
    /// The event nests deeper than a server takes from clients, and than clients have to read.
    #[error("the event nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The line is longer than any event can be.
    #[error("the line is longer than {0} bytes")]
    TooLong(usize),
    /// The line is not text.
    #[error("the line is not UTF-8")]
    NotText,
}

/// A line that was read.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) log: LogName,
    pub(super) event: NewEvent,
    /// The sequence that the event had in the store that was exported.
    pub(super) sequence: Option<Sequence>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    namespace: Option<String>,
    repository: String,
    #[serde(borrow)]
    event: &'a RawValue,
}

impl Line {
    /// Reads a line; one without a namespace belongs to `default`.
    pub(super) fn read(text: &str, default: &Namespace) -> Result<Self, LineError> {
        let fields: Fields<'_> = serde_json::from_str(text)?;
        let namespace = match &fields.namespace {
            Some(name) => Namespace::new(name)?,
            None => default.clone(),
        };
        if depth_exceeds(fields.event.get(), MAX_DEPTH) {
            return Err(LineError::TooDeep);
        }
        let event = Json::parse(fields.event.get().to_owned())?;
        Ok(Self {
            log: LogName {
                namespace,
                repository: RepositoryName::new(&fields.repository)?,
            },
            sequence: Envelope::read(&event)?.sequence,
            event: NewEvent::read(&event)?,
        })
    }
}

/// What all lines of a log start with.
pub(super) fn prefix(log: &LogName) -> Result<String, serde_json::Error> {
    let repository = serde_json::to_string(&*log.repository)?;
    Ok(format!(
        r#"{{"namespace":"{}","repository":{repository},"event":"#,
        log.namespace
    ))
}

/// Writes a line. A line break in the event, which can only stand between its tokens, becomes a space.
pub(super) fn write(out: &mut dyn Write, prefix: &str, event: &str) -> io::Result<()> {
    out.write_all(prefix.as_bytes())?;
    for (index, part) in event.split(['\r', '\n']).enumerate() {
        if index > 0 {
            out.write_all(b" ")?;
        }
        out.write_all(part.as_bytes())?;
    }
    out.write_all(b"}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(repository: &str) -> LogName {
        LogName {
            namespace: Namespace::new("tenant-2").unwrap(),
            repository: RepositoryName::new(repository).unwrap(),
        }
    }

    fn line(log: &LogName, event: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, &prefix(log).unwrap(), event).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_event_is_one_line_whatever_its_white_space_and_its_repository() {
        let users = log("a \"quoted\" \\ straße / 'x'");
        let text = line(&users, "{\"eventId\":\"a\",\r\n \"n\" : 1e400,\"serverSequence\":7}");
        assert_eq!(
            text,
            concat!(
                r#"{"namespace":"tenant-2","repository":"a \"quoted\" \\ straße / 'x'","#,
                r#""event":{"eventId":"a",   "n" : 1e400,"serverSequence":7}}"#,
                "\n"
            )
        );
        let read = Line::read(&text, &Namespace::default()).unwrap();
        assert_eq!(read.log, users);
        assert_eq!(read.sequence, Some(Sequence::new(7)));
        assert_eq!(read.event.body, r#"{"eventId":"a",   "n" : 1e400}"#);
    }

    #[test]
    fn a_line_without_a_namespace_belongs_to_the_one_that_was_named() {
        let read = Line::read(r#"{"repository":"users","event":{"eventId":"a"}}"#, &log("x").namespace).unwrap();
        assert_eq!(read.log, log("users"));
        assert_eq!(read.sequence, None);
    }

    #[test]
    fn a_line_that_is_none_says_why() {
        let error = |text: &str| Line::read(text, &Namespace::default()).unwrap_err().to_string();
        assert!(error("{}").contains("missing field `repository`"), "{}", error("{}"));
        assert!(error("[").starts_with("not a line of an export"));
        let reserved = error(r#"{"repository":"_x","event":{"eventId":"a"}}"#);
        assert!(reserved.contains("does not start with `_`"), "{reserved}");
        let no_id = error(r#"{"repository":"x","event":{"n":1}}"#);
        assert!(no_id.starts_with("not an event"), "{no_id}");
        let nested = |levels: usize| {
            let (open, close) = ("[".repeat(levels), "]".repeat(levels));
            format!(r#"{{"repository":"x","event":{{"eventId":"a","n":{open}{close}}}}}"#)
        };
        assert!(Line::read(&nested(MAX_DEPTH - 1), &Namespace::default()).is_ok());
        assert_eq!(error(&nested(MAX_DEPTH)), "the event nests deeper than 128 levels");
        assert_eq!(error(&nested(100_000)), "the event nests deeper than 128 levels");
    }
}
