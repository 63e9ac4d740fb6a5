//! One message of every kind and shape.

use bytestring::ByteString;
use driftless_core::event::{EventId, Json, Sequence, Timestamp};
use driftless_core::name::RepositoryName;
use driftless_core::wire::{
    Ack, Auth, AuthSuccess, ClientMessage, ClientRequest, Epoch, ErrorCode, Events, Extended, Limits, Position,
    RequestEvents, ServerError, ServerMessage, ServerReply, Subscribe, SyncComplete,
};

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

pub(crate) fn id(text: &str) -> EventId {
    EventId::new(text).unwrap()
}

pub(crate) fn name(text: &str) -> RepositoryName {
    RepositoryName::new(text).unwrap()
}

fn users() -> ByteString {
    ByteString::from_static("users")
}

fn package_event() -> Json {
    json(r#"{"_event_id":"e1","_operation":0,"_created_at":"2025-01-23T10:00:00.000Z","_data":{"id":"alice","n":1.0}}"#)
}

fn seeds_event() -> Json {
    json(r#"{"eventId":"e2","operation":2,"createdAt":1737626400000,"dataId":"alice"}"#)
}

pub(crate) fn requests() -> Vec<ClientRequest> {
    let plain = |message| ClientRequest {
        reference: None,
        message,
    };
    let mut requests: Vec<_> = client_messages().into_iter().map(plain).collect();
    requests.push(ClientRequest {
        reference: Some(json(r#"{"n":[1,"ä"]}"#)),
        message: ClientMessage::Ping,
    });
    requests.push(ClientRequest {
        reference: Some(json("null")),
        message: ClientMessage::RequestAllEvents {
            repository: None,
            limit: None,
        },
    });
    requests
}

fn client_messages() -> Vec<ClientMessage> {
    vec![
        ClientMessage::Auth(Auth::default()),
        ClientMessage::Auth(Auth {
            token: Some("se\"cret".into()),
            protocol: Some(1),
            client: Some(json(r#"{"id":"c1","name":"tests","version":"0.1.0"}"#)),
            fields: vec![
                ("Authorization".into(), json("\"Bearer t\"")),
                ("epoch".into(), json("[1e400]")),
            ],
        }),
        ClientMessage::Ping,
        ClientMessage::Pong,
        ClientMessage::PushEvent {
            repository: users(),
            event: package_event(),
        },
        ClientMessage::PushEventsBatch {
            repository: ByteString::from_static("_not a name\u{1}\\"),
            events: vec![package_event(), seeds_event(), json("1")],
        },
        ClientMessage::PushEventsBatch {
            repository: users(),
            events: vec![],
        },
        ClientMessage::RequestEvents(RequestEvents {
            repository: name("users"),
            after: Some(Sequence::new(41)),
            since: Timestamp::parse("2025-01-23T11:00:00.123456+01:00"),
            limit: Some(5),
            fields: Vec::new(),
        }),
        ClientMessage::RequestEvents(RequestEvents {
            repository: name("Benutzer \"ä\"/ö"),
            after: None,
            since: None,
            limit: None,
            fields: Vec::new(),
        }),
        ClientMessage::RequestAllEvents {
            repository: Some(name("users")),
            limit: Some(0),
        },
        ClientMessage::EventsReceived {
            repository: name("users"),
            count: 5,
        },
        ClientMessage::Subscribe(Subscribe {
            epoch: Epoch::new("ep-1"),
            repositories: vec![
                (name("users"), Position::default()),
                (
                    name("todos"),
                    Position {
                        after: Sequence::new(7),
                        seen: Some((Sequence::new(7), id("e\n7"))),
                        fields: Vec::new(),
                    },
                ),
            ],
        }),
        ClientMessage::Subscribe(Subscribe::default()),
        ClientMessage::Unsubscribe {
            repositories: vec![name("users"), name("todos")],
        },
    ]
}

pub(crate) fn replies() -> Vec<ServerReply> {
    let plain = |message| ServerReply {
        reference: None,
        message,
    };
    let mut replies: Vec<_> = greetings().into_iter().chain(answers()).map(plain).collect();
    replies.push(ServerReply {
        reference: Some(json(r#""r1""#)),
        message: ServerMessage::SyncComplete(SyncComplete::default()),
    });
    replies
}

fn greetings() -> Vec<ServerMessage> {
    vec![
        ServerMessage::AuthSuccess(AuthSuccess::default()),
        ServerMessage::AuthSuccess(AuthSuccess {
            extended: Some(Extended {
                epoch: Epoch::new("ep-1").unwrap(),
                scope: "all".into(),
                server_time: "2025-01-23T10:00:00.000Z".into(),
                heartbeat_ms: 30_000,
                limits: Limits::default(),
            }),
        }),
        ServerMessage::Ping,
        ServerMessage::Pong,
        ServerMessage::HistoryChanged {
            repository: users(),
            epoch: Epoch::new("ep-2").unwrap(),
        },
    ]
}

fn answers() -> Vec<ServerMessage> {
    vec![
        ServerMessage::Events(Events {
            repository: users(),
            events: vec![json(r#"{"eventId":"e1","serverSequence":42}"#)],
            after: None,
            last: None,
        }),
        ServerMessage::Events(Events {
            repository: users(),
            events: vec![
                json(r#"{"eventId":"e1","n":1e400,"serverSequence":42}"#),
                json(r#"{"eventId":"e2","serverSequence":43}"#),
            ],
            after: Some(Sequence::new(41)),
            last: Some(Sequence::new(43)),
        }),
        ServerMessage::Ack(Ack {
            event_ids: vec![id("e1"), id("e\"2")],
            repositories: vec![(users(), vec![id("e1"), id("e\"2")])],
            sequences: vec![(
                users(),
                vec![(id("e1"), Sequence::new(42)), (id("e\"2"), Sequence::new(43))],
            )],
        }),
        ServerMessage::Ack(Ack {
            event_ids: vec![id("e1")],
            repositories: vec![(users(), vec![id("e1")])],
            sequences: vec![],
        }),
        ServerMessage::SyncComplete(SyncComplete {
            repository: Some(users()),
            last: Some(Sequence::new(43)),
            has_more: true,
        }),
        ServerMessage::Error(ServerError {
            message: "Not authenticated".into(),
            ..ServerError::default()
        }),
        ServerMessage::Error(ServerError {
            message: "the event's `eventId` is empty".into(),
            code: Some(ErrorCode::InvalidEvent),
            retryable: Some(false),
            repository: Some(users()),
            event_ids: vec![id("e1")],
            indexes: vec![0, 2],
        }),
    ]
}
