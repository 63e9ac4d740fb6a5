//! The laws of the codec: what is encoded reads back, and nothing that comes makes it panic.

use crate::samples::{id, json, name};
use bytestring::ByteString;
use driftless_core::event::{EventId, Json, Sequence, Timestamp};
use driftless_core::wire::{
    Ack, Auth, ClientMessage, ClientRequest, Epoch, ErrorCode, Events, Position, RequestEvents, ServerError,
    ServerMessage, ServerReply, Subscribe, SyncComplete,
};
use proptest::prelude::*;

fn reference() -> impl Strategy<Value = Option<Json>> {
    prop_oneof![
        Just(None),
        any::<u64>().prop_map(|number| Some(json(&number.to_string()))),
        "\\PC{0,20}".prop_map(|text| Some(json(&serde_json::to_string(&text).unwrap()))),
    ]
}

fn event_id() -> impl Strategy<Value = EventId> {
    prop_oneof!["\\PC{1,20}", "[\\x00-\\x7f]{1,9}"].prop_map(|text| id(&text))
}

fn repository() -> impl Strategy<Value = ByteString> {
    prop_oneof!["[a-z]{1,8}", any::<String>()].prop_map(ByteString::from)
}

fn repository_name() -> impl Strategy<Value = driftless_core::name::RepositoryName> {
    "[a-z][\\PC--\\pC]{0,20}".prop_map(|text| name(&text))
}

fn sequence() -> impl Strategy<Value = Sequence> {
    any::<u64>().prop_map(Sequence::new)
}

fn event() -> impl Strategy<Value = Json> {
    (event_id(), any::<String>()).prop_map(|(id, text)| {
        let (id, text) = (
            serde_json::to_string(&*id).unwrap(),
            serde_json::to_string(&text).unwrap(),
        );
        json(&format!(r#"{{"eventId":{id},"data":{{"text":{text}}}}}"#))
    })
}

fn position() -> impl Strategy<Value = Position> {
    (sequence(), prop::option::of((sequence(), event_id()))).prop_map(|(after, seen)| Position {
        after,
        seen,
        fields: Vec::new(),
    })
}

fn auth() -> impl Strategy<Value = Auth> {
    let field = (
        "X-[a-z]{1,9}",
        any::<u32>().prop_map(|number| json(&number.to_string())),
    );
    (
        prop::option::of(any::<String>()),
        prop::option::of(any::<u64>()),
        prop::collection::vec(field, 0..3),
    )
        .prop_map(|(token, protocol, fields)| Auth {
            token,
            protocol,
            client: None,
            fields,
        })
}

fn client_message() -> impl Strategy<Value = ClientMessage> {
    let limit = prop::option::of(any::<u64>());
    let since = prop::option::of(-10_000_000_000_000i64..10_000_000_000_000);
    prop_oneof![
        auth().prop_map(ClientMessage::Auth),
        (repository(), event()).prop_map(|(repository, event)| ClientMessage::PushEvent { repository, event }),
        (repository(), prop::collection::vec(event(), 0..4))
            .prop_map(|(repository, events)| ClientMessage::PushEventsBatch { repository, events }),
        (repository_name(), prop::option::of(sequence()), since, limit.clone()).prop_map(
            |(repository, after, since, limit)| {
                let since = since.and_then(Timestamp::from_millis);
                ClientMessage::RequestEvents(RequestEvents {
                    repository,
                    after,
                    since,
                    limit,
                    fields: Vec::new(),
                })
            }
        ),
        (prop::option::of(repository_name()), limit)
            .prop_map(|(repository, limit)| ClientMessage::RequestAllEvents { repository, limit }),
        (repository_name(), any::<u64>())
            .prop_map(|(repository, count)| ClientMessage::EventsReceived { repository, count }),
        (
            prop::option::of("\\PC{1,20}"),
            prop::collection::vec((repository_name(), position()), 0..4)
        )
            .prop_map(|(epoch, repositories)| {
                ClientMessage::Subscribe(Subscribe {
                    epoch: epoch.and_then(Epoch::new),
                    repositories,
                })
            }),
        prop::collection::vec(repository_name(), 0..4)
            .prop_map(|repositories| ClientMessage::Unsubscribe { repositories }),
    ]
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let ids = || prop::collection::vec(event_id(), 0..4);
    prop_oneof![
        (
            repository(),
            prop::collection::vec(event(), 0..4),
            prop::option::of((sequence(), sequence()))
        )
            .prop_map(|(repository, events, range)| {
                let (after, last) = range.unzip();
                ServerMessage::Events(Events {
                    repository,
                    events,
                    after,
                    last,
                })
            }),
        (ids(), prop::collection::vec((repository(), ids()), 0..3)).prop_map(|(event_ids, repositories)| {
            let sequences = repositories.iter().map(|(name, ids)| {
                (
                    name.clone(),
                    ids.iter()
                        .zip(1..)
                        .map(|(id, n)| (id.clone(), Sequence::new(n)))
                        .collect(),
                )
            });
            ServerMessage::Ack(Ack {
                event_ids,
                sequences: sequences.collect(),
                repositories,
            })
        }),
        (
            prop::option::of(repository()),
            prop::option::of(sequence()),
            any::<bool>()
        )
            .prop_map(
                |(repository, last, has_more)| ServerMessage::SyncComplete(SyncComplete {
                    repository,
                    last,
                    has_more
                })
            ),
        (
            any::<String>(),
            prop::sample::select(ErrorCode::ALL),
            ids(),
            prop::collection::vec(any::<u64>(), 0..4)
        )
            .prop_map(|(message, code, event_ids, indexes)| {
                let retryable = Some(code.retryable());
                let repository = Some("users".into());
                ServerMessage::Error(ServerError {
                    message,
                    code: Some(code),
                    retryable,
                    repository,
                    event_ids,
                    indexes,
                })
            }),
    ]
}

/// A frame that is almost a message: a good one with a few bytes changed.
fn damaged() -> impl Strategy<Value = String> {
    let frames: Vec<String> = crate::samples::requests()
        .iter()
        .map(|request| request.encode().to_string())
        .chain(crate::samples::replies().iter().map(|reply| reply.encode().to_string()))
        .collect();
    let change = (
        any::<prop::sample::Index>(),
        prop::sample::select(&b"{}[]\",:0-.eE\\ntu\x00\xff"[..]),
    );
    (prop::sample::select(frames), prop::collection::vec(change, 1..4)).prop_map(|(frame, changes)| {
        let mut bytes = frame.into_bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

proptest! {
    #[test]
    fn what_a_client_encodes_reads_back(reference in reference(), message in client_message()) {
        let request = ClientRequest { reference, message };
        let frame = request.encode();
        prop_assert_eq!(ClientRequest::decode(&frame), Ok(request), "{}", frame);
    }

    #[test]
    fn what_a_server_encodes_reads_back(reference in reference(), message in server_message()) {
        let reply = ServerReply { reference, message };
        let frame = reply.encode();
        prop_assert_eq!(ServerReply::decode(&frame), Ok(reply), "{}", frame);
    }

    #[test]
    fn no_text_makes_a_decoder_panic(text in prop_oneof![any::<String>(), "[{}\\[\\]\",:a-e0-9 \\\\]{0,60}", damaged()]) {
        let frame = ByteString::from(text);
        if let Ok(request) = ClientRequest::decode(&frame) {
            prop_assert_eq!(ClientRequest::decode(&request.encode()), Ok(request));
        }
        if let Ok(reply) = ServerReply::decode(&frame) {
            prop_assert_eq!(ServerReply::decode(&reply.encode()), Ok(reply));
        }
    }

    #[test]
    fn no_text_makes_a_date_panic(text in prop_oneof![any::<String>(), "[0-9TtZz:.,+ -]{0,40}"]) {
        if let Some(moment) = Timestamp::parse(&text) {
            prop_assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        }
    }
}
