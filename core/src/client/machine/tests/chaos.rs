//! Whatever the host, the peer or the application does, the client neither panics nor asks to be woken in the past.

use super::*;
use crate::client::{Cursor, LocalSequence, MergeFields, Opened, OwnEvent, RepositoryRow, State, StorageReply};
use proptest::prelude::*;

fn sequence() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..6_u64, 1 => Just(u64::MAX), 1 => Just(i64::MAX as u64)]
}

fn name() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("notes"), 1 => Just("users"), 1 => Just("others"), 1 => Just("")]
}

fn text() -> impl Strategy<Value = String> {
    let events = prop::collection::vec((sequence(), "[abc]", "[0-9]"), 0..4);
    let frame =
        (name(), sequence(), sequence(), events, any::<bool>()).prop_map(|(name, after, last, events, plain)| {
            let events: Vec<String> = events
                .iter()
                .map(|(at, record, data)| event(*at, record, data))
                .collect();
            let frame = if plain {
                plain_events(&events)
            } else {
                stream(after, last, &events)
            };
            frame.replace("notes", name)
        });
    let codes = prop_oneof![
        Just("auth_failed"),
        Just("token_expired"),
        Just("forbidden"),
        Just("rate_limited"),
        Just("store_unavailable"),
        Just("invalid_event"),
        Just("nonsense")
    ];
    let error = (codes, any::<bool>(), 0..4_u64).prop_map(|(code, retryable, reference)| {
        format!(r#"{{"type":"error","message":"auth","code":"{code}","retryable":{retryable},"ref":{reference},"repository":"notes","eventIds":["e1","x1"]}}"#)
    });
    let fixed = prop_oneof![
        Just(AUTH_SUCCESS.to_string()),
        Just(AUTH_SUCCESS.replace("e1", "e2")),
        Just(r#"{"type":"auth_success"}"#.to_string()),
        Just(r#"{"type":"ping"}"#.to_string()),
        Just(r#"{"type":"pong"}"#.to_string()),
        Just(r#"{"type":"sync_complete"}"#.to_string()),
        Just(r#"{"type":"error","message":"no"}"#.to_string()),
        Just(r#"{"type":"history_changed","repository":"notes","epoch":"e3"}"#.to_string()),
        Just(r#"{"type":"ack","eventIds":["e1",null],"repositories":{"notes":["e1"]}}"#.to_string()),
        ".*",
    ];
    let complete = (name(), 0..4_u64)
        .prop_map(|(name, reference)| format!(r#"{{"type":"sync_complete","repository":"{name}","ref":{reference}}}"#));
    prop_oneof![3 => frame, 1 => error, 3 => fixed, 2 => complete]
}

fn own(local: u64, state: u8) -> OwnEvent {
    OwnEvent {
        local: LocalSequence(local),
        key: RecordKey {
            repository: repository(if local % 5 == 4 { "others" } else { "notes" }),
            record: RecordId::new("a").unwrap(),
        },
        id: EventId::new(format!("e{local}")).unwrap(),
        body: Json::parse(if state == 9 { "3".into() } else { event(local, "a", "1") }).unwrap(),
        state: match state % 5 {
            0 => OwnState::Pending,
            1 => OwnState::Acked(None),
            2 => OwnState::Acked(Some(Sequence::new(local))),
            3 => OwnState::Doubted,
            _ => OwnState::Settled { at_ms: i64::MIN },
        },
    }
}

fn stored(generation: u64) -> StoredRecord {
    let state = Arc::new(State {
        event: EventId::new("x").unwrap(),
        created_at: None,
        sequence: Some(Sequence::MAX),
        data: None,
    });
    StoredRecord {
        key: own(generation, 0).key,
        confirmed: Some(state.clone()),
        visible: Some(state),
        pending: true,
        generation,
    }
}

fn reply() -> impl Strategy<Value = Result<StorageReply, StorageFailure>> {
    let events = || prop::collection::vec((0..9_u64, 0..10_u8).prop_map(|(local, state)| own(local, state)), 0..4);
    let records = || prop::collection::vec((0..9_u64).prop_map(stored), 0..4);
    let row = |(after, refolding, pending): (u64, bool, u64)| RepositoryRow {
        name: repository("notes"),
        cursor: Cursor {
            after: Sequence::new(after),
            generation: 3,
            refolding,
            ..Cursor::default()
        },
        pending,
    };
    let opened = (sequence(), any::<bool>(), 0..3_u64).prop_map(move |parts| Opened {
        repositories: vec![row(parts)],
        last_local: LocalSequence(7),
    });
    prop_oneof![
        2 => opened.prop_map(|opened| Ok(StorageReply::Opened(opened))),
        4 => ((records(), events(), events()), (0..6_usize, 0..6_usize)).prop_map(|((records, layers, own), answered)| {
            Ok(StorageReply::Loaded { records, layers, own, answered_records: answered.0, answered_own: answered.1 })
        }),
        2 => events().prop_map(|events| Ok(StorageReply::Outbox(events))),
        2 => events().prop_map(|events| Ok(StorageReply::Unsettled(events))),
        2 => records().prop_map(|records| {
            Ok(StorageReply::Stale(records.into_iter().map(|record| record.key.record).collect()))
        }),
        4 => Just(Ok(StorageReply::Committed)),
        1 => Just(Err(StorageFailure { detail: "broken".into() })),
    ]
}

fn input() -> impl Strategy<Value = ClientInput> {
    let socket = || prop_oneof![6 => Just(SocketId(0)), 1 => (0..5_u64).prop_map(SocketId)];
    let change = prop_oneof![
        Just(upsert("a", "{\"n\":1}")),
        Just(upsert("b", "2")),
        Just(delete("a"))
    ];
    let dismissed = (0..4_u64).prop_map(|local| (repository("notes"), own(local, 0).id));
    let parts = (
        prop::collection::vec(change, 0..3),
        prop::collection::vec(dismissed, 0..2),
        any::<i32>(),
    );
    let write = parts.prop_map(|(changes, dismiss, wall)| {
        ClientInput::Write(Write {
            request: RequestId(1),
            wall: Timestamp::from_millis(i64::from(wall)).unwrap(),
            changes,
            dismiss,
        })
    });
    let wall = Timestamp::from_millis(WALL).unwrap();
    prop_oneof![
        1 => Just(ClientInput::Start { wall }),
        1 => prop::bool::weighted(0.1).prop_map(|stop| if stop { ClientInput::Stop } else { ClientInput::Tick }),
        4 => socket().prop_map(|socket| ClientInput::Connected { socket }),
        1 => (socket(), prop::option::of(4398..4410_u16)).prop_map(|(socket, code)| ClientInput::Disconnected {
            socket,
            code: code.map(CloseCode),
            reason: String::new(),
        }),
        12 => (socket(), text()).prop_map(|(socket, frame)| ClientInput::Frame { socket, frame: frame.into() }),
        1 => socket().prop_map(|socket| ClientInput::Alive { socket }),
        2 => (socket(), any::<usize>()).prop_map(|(socket, bytes)| ClientInput::Flushed { socket, bytes }),
        16 => reply().prop_map(|result| ClientInput::Stored { storage: StorageId(0), result }),
        4 => write,
        1 => Just(ClientInput::Credentials(ClientCredentials::default())),
        1 => Just(ClientInput::Resync { repository: repository("notes") }),
        1 => name().prop_filter_map("a name", |name| {
            Some(ClientInput::Clear { repository: RepositoryName::new(name).ok()? })
        }),
        1 => any::<bool>().prop_map(ClientInput::Connectivity),
        1 => Just(ClientInput::SyncNow),
        4 => (0..9_u64, prop::option::of(sequence()), any::<bool>()).prop_map(|(filter, after, since)| {
            ClientInput::FilterBuilt {
                filter: FilterId(filter),
                result: Some(SyncFilter {
                    after: after.map(Sequence::new),
                    since: since.then(|| Timestamp::from_millis(WALL).unwrap()),
                    fields: Vec::new(),
                }),
            }
        }),
        1 => Just(ClientInput::Tick),
    ]
}

/// Ids that stand for the last ones that the client minted.
fn aim(input: &mut ClientInput, last_socket: SocketId, last_storage: StorageId) {
    match input {
        ClientInput::Connected { socket }
        | ClientInput::Disconnected { socket, .. }
        | ClientInput::Frame { socket, .. }
        | ClientInput::Alive { socket }
        | ClientInput::Flushed { socket, .. }
            if *socket == SocketId(0) =>
        {
            *socket = last_socket;
        }
        ClientInput::Stored { storage, .. } => *storage = last_storage,
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_input_in_any_order_makes_it_panic(inputs in prop::collection::vec((input(), 0..40_000_000_u64), 0..150)) {
        let mut config = config(&["notes", "users"]);
        config.repositories[0].policy = Arc::new(MergeFields);
        config.repositories[1].filtered = true;
        config.limits.apply_events = 2;
        config.limits.received_bytes = 300;
        config.limits.storage_bytes = 100;
        let (mut client, mut out) = (Client::new(config), Actions::new());
        let (mut now, mut socket, mut storage) = (Instant::ZERO, SocketId(0), StorageId(0));
        client.handle(now, ClientInput::Start { wall: Timestamp::from_millis(WALL).unwrap() }, &mut out);
        for (mut input, micros) in inputs {
            now = now + Duration::from_micros(micros * u64::from(micros % 3 == 0));
            aim(&mut input, socket, storage);
            client.handle(now, input, &mut out);
            for action in out.drain() {
                match action {
                    ClientAction::Connect { socket: minted, .. } => socket = minted,
                    ClientAction::Storage { storage: minted, .. } => storage = minted,
                    _ => {}
                }
            }
            prop_assert!(client.next_wake().is_none_or(|wake| wake.at > now));
            let _ = (client.blocked(), client.pending(), client.cursor(&repository("notes")));
        }
    }
}
