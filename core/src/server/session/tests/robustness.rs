//! Inputs in any order, sensible or not.

use super::bench::{Bench, grant};
use crate::server::{AuthRefusal, Failure, Grant, HubReply, Refusal, ServerLimits, SessionInput};
use crate::wire::ErrorCode;
use alloc::string::String;
use core::time::Duration;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Frame(String),
    Input(SessionInput),
    Decide(u64, u8),
    Pushed(u64, u8),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let frame = prop_oneof![
        Just(r#"{"type":"auth"}"#),
        Just(r#"{"type":"auth","protocol":1,"token":"t"}"#),
        Just(r#"{"type":"ping"}"#),
        Just(r#"{"type":"pong"}"#),
        Just(r#"{"type":"push_event","repository":"a","event":{"eventId":"x"}}"#),
        Just(r#"{"type":"push_events_batch","repository":"b","events":[{"eventId":"x"},{},{"eventId":"y"}]}"#),
        Just(r#"{"type":"request_all_events","ref":1}"#),
        Just(r#"{"type":"subscribe","repositories":{"a":{"afterSequence":1}}}"#),
        Just(r#"{"type":"unsubscribe","repositories":["a"]}"#),
        Just("nonsense"),
    ];
    let reply = prop_oneof![
        "[a-z]{0,40}".prop_map(|text| HubReply::Frame(text.into())),
        Just(HubReply::ReadDone),
        Just(HubReply::Reset),
        Just(HubReply::Failed(Failure {
            reference: None,
            repository: None,
            code: ErrorCode::StoreUnavailable,
            message: "",
        })),
    ];
    let input = prop_oneof![
        4 => reply.prop_map(SessionInput::Hub),
        3 => (0..200usize).prop_map(|bytes| SessionInput::Flushed { bytes }),
        2 => Just(SessionInput::Binary),
        2 => Just(SessionInput::Alive),
    ];
    prop_oneof![
        8 => frame.prop_map(|frame| Step::Frame(frame.into())),
        4 => input.prop_map(Step::Input),
        4 => (1..6u64, 0..6u8).prop_map(|(auth, kind)| Step::Decide(auth, kind)),
        3 => (1..10u64, 0..4u8).prop_map(|(push, kind)| Step::Pushed(push, kind)),
        2 => (0..20_000u64).prop_map(Step::Pass),
    ]
}

fn decide(bench: &mut Bench, auth: u64, kind: u8) {
    let subject = |name: &str, secs| Grant {
        subject: name.into(),
        valid_for: Some(Duration::from_secs(secs)),
        ..grant()
    };
    bench.decide(
        auth,
        match kind {
            0 => Ok(subject("bob", 5)),
            1 => Ok(subject("alice", 20)),
            2 => Err(AuthRefusal::Unavailable),
            _ => Ok(grant()),
        },
    );
}

proptest! {
    #[test]
    fn no_input_in_any_order_is_a_panic(steps in prop::collection::vec(step(), 0..150), end in 0..3u8) {
        let limits = ServerLimits { pushes: 2, requests: 2, reply_bytes: 300, ..ServerLimits::default() };
        let mut bench = Bench::with(limits);
        bench.fast = false;
        for step in steps {
            match step {
                Step::Frame(frame) => bench.frame(&frame),
                Step::Input(input) => bench.input(input),
                Step::Decide(auth, kind) => decide(&mut bench, auth, kind),
                Step::Pushed(push, kind) => {
                    let results = [("x", Ok(1)), ("y", Err(Refusal::Retry(ErrorCode::RateLimited)))];
                    bench.pushed(push, &results[..usize::from(kind.min(2))]);
                }
                Step::Pass(millis) => bench.pass(Duration::from_millis(millis)),
            }
        }
        bench.input([SessionInput::Shutdown, SessionInput::Closed, SessionInput::TooBig][usize::from(end)].clone());
        bench.pass(Duration::from_secs(10));
        prop_assert!(bench.session.is_closed());
        let detached = bench.hub.iter().filter(|request| **request == crate::server::HubRequest::Detach).count();
        let attached = bench.hub.iter().any(|request| matches!(request, crate::server::HubRequest::Attach { .. }));
        prop_assert_eq!(detached, usize::from(attached));
    }
}
