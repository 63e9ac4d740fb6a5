//! Encodes what clients send.

use super::{Auth, ClientMessage, ClientRequest, Position, RequestEvents, Subscribe};
use crate::event::{Json, Sequence};
use crate::name::RepositoryName;
use crate::wire::object::{Object, push_list, push_number, push_object, push_string};
use alloc::string::{String, ToString};
use bytestring::ByteString;

impl ClientRequest {
    /// Encodes a text frame.
    pub fn encode(&self) -> ByteString {
        let reference = self.reference.as_ref();
        let start = |kind: &str, capacity: usize| Object::message(kind, reference, capacity);
        let object = match &self.message {
            ClientMessage::Auth(auth) => encode_auth(start("auth", 128), auth),
            ClientMessage::Ping => start("ping", 0),
            ClientMessage::Pong => start("pong", 0),
            ClientMessage::PushEvent { repository, event } => start("push_event", repository.len() + event.len() + 32)
                .string("repository", repository)
                .raw("event", event),
            ClientMessage::PushEventsBatch { repository, events } => {
                let bytes: usize = events.iter().map(|event| event.len() + 1).sum();
                start("push_events_batch", repository.len() + bytes + 32)
                    .string("repository", repository)
                    .with("events", |text| {
                        push_list(text, events, |text, event: &Json| text.push_str(event));
                    })
            }
            ClientMessage::RequestEvents(request) => encode_request(start("request_events", 128), request),
            ClientMessage::RequestAllEvents { repository, limit } => start("request_all_events", 64)
                .optional("repository", repository.as_deref(), Object::string)
                .optional("limit", *limit, Object::number),
            ClientMessage::EventsReceived { repository, count } => start("events_received", 64)
                .string("repository", repository)
                .number("count", *count),
            ClientMessage::Subscribe(subscribe) => encode_subscribe(start("subscribe", 128), subscribe),
            ClientMessage::Unsubscribe { repositories } => {
                let write = |text: &mut String, name: &RepositoryName| push_string(text, name);
                start("unsubscribe", 64).with("repositories", |text| push_list(text, repositories, write))
            }
        };
        object.finish()
    }
}

/// A custom field can never take the place of one of the protocol's own.
fn encode_auth(object: Object, auth: &Auth) -> Object {
    let object = object
        .optional("token", auth.token.as_deref(), Object::string)
        .optional("protocol", auth.protocol, Object::number)
        .optional("client", auth.client.as_deref(), Object::raw);
    let own = ["type", "ref", "token", "protocol", "client"];
    custom(&auth.fields, &own).fold(object, |object, (name, value)| object.raw(name, value))
}

fn encode_request(object: Object, request: &RequestEvents) -> Object {
    let object = object
        .string("repository", &request.repository)
        .optional("afterSequence", request.after.map(Sequence::get), Object::number)
        .optional("since", request.since, |object, name, since| {
            object.string(name, &since.to_string())
        })
        .optional("limit", request.limit, Object::number);
    let own = ["type", "ref", "repository", "afterSequence", "since", "limit"];
    custom(&request.fields, &own).fold(object, |object, (name, value)| object.raw(name, value))
}

/// Those of the application's fields that do not take the place of one of the protocol's own.
fn custom<'a>(fields: &'a [(String, Json)], own: &'a [&str]) -> impl Iterator<Item = &'a (String, Json)> {
    fields.iter().filter(|(name, _)| !own.contains(&name.as_str()))
}

fn encode_subscribe(object: Object, subscribe: &Subscribe) -> Object {
    let repositories = subscribe
        .repositories
        .iter()
        .map(|(name, position)| (&**name, position));
    object
        .optional("epoch", subscribe.epoch.as_ref(), |object, name, epoch| {
            object.string(name, epoch.as_str())
        })
        .with("repositories", |text| push_object(text, repositories, push_position))
}

fn push_position(text: &mut String, position: &Position) {
    text.push_str("{\"afterSequence\":");
    push_number(text, position.after.get());
    if let Some((sequence, id)) = &position.seen {
        text.push_str(",\"seen\":[");
        push_number(text, sequence.get());
        text.push(',');
        push_string(text, id);
        text.push(']');
    }
    for (name, value) in custom(&position.fields, &["afterSequence", "seen"]) {
        text.push(',');
        push_string(text, name);
        text.push(':');
        text.push_str(value);
    }
    text.push('}');
}
