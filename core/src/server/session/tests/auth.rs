//! Authentication: the first, another one, expiry.

use super::bench::{Bench, grant, rights};
use crate::server::{AuthRefusal, Grant, HubReply, HubRequest, ServerLimits};
use alloc::format;
use alloc::sync::Arc;
use core::time::Duration;

#[test]
fn a_plain_peer_is_let_in_and_attached() {
    let mut bench = Bench::new();
    bench.frame(r#"{"type":"auth","token":"t","ref":[1]}"#);
    bench.grant(1, grant());
    insta::assert_snapshot!(bench.trace(), @r#"
    authenticate 1 Some("t") []
    pause
    send {"type":"auth_success","ref":[1]}
    hub attach Plain all
    resume
    "#);
}

#[test]
fn an_extended_peer_is_told_the_version_the_epoch_and_the_limits() {
    let mut bench = Bench::new();
    bench.frame(r#"{"type":"auth","protocol":1}"#);
    bench.trace();
    bench.grant(1, grant());
    insta::assert_snapshot!(bench.trace(), @r#"
    send {"type":"auth_success","protocol":1,"epoch":"e1","scope":"all","serverTime":"2025-01-23T10:00:00.000Z","heartbeatMs":30000,"limits":{"frameBytes":16777216,"eventBytes":15728640,"batchEvents":10000}}
    hub attach Extended all
    resume
    "#);
}

#[test]
fn only_the_integer_one_negotiates_the_extension() {
    for protocol in ["0", "2", "\"1\"", "1.0", "true", "null", "-1"] {
        let mut bench = Bench::new();
        bench.frame(&format!(r#"{{"type":"auth","protocol":{protocol}}}"#));
        bench.grant(1, grant());
        assert!(bench.trace().contains("hub attach Plain"), "{protocol}");
    }
}

#[test]
fn the_token_is_that_of_the_message_then_of_a_header_in_it_then_of_the_handshake() {
    for (fields, expected) in [
        (
            r#","token":"t","Authorization":"Bearer h""#,
            r#"Some("t") [("Authorization", "Bearer h")]"#,
        ),
        (r#","Authorization":"Bearer h","X":1"#, r#"Some("h") [("X", 1)]"#),
        (r#","AUTHORIZATION":"bearer  h ""#, r#"Some("h") []"#),
        (r#","authorization":"h""#, r#"Some("h") []"#),
        (r#","authorization":5"#, r#"Some("handshake") [("authorization", 5)]"#),
        (
            r#","authorization":"Bearer ","token":"""#,
            r#"Some("handshake") [("authorization", "Bearer ")]"#,
        ),
        ("", r#"Some("handshake") []"#),
    ] {
        let mut bench = Bench::new();
        bench.frame(&format!(r#"{{"type":"auth"{fields}}}"#));
        assert_eq!(bench.trace(), format!("authenticate 1 {expected}\npause"));
    }
}

#[test]
fn refusals_tell_why_and_close() {
    let cases = [
        (AuthRefusal::Refused("No such token.".into()), "auth_failed", 4401),
        (AuthRefusal::Forbidden("Another tenant.".into()), "forbidden", 4403),
        (AuthRefusal::Unavailable, "internal", 1011),
    ];
    for (refusal, code, close) in cases {
        let mut bench = Bench::new();
        bench.frame(r#"{"type":"auth","ref":"r"}"#);
        bench.trace();
        bench.decide(1, Err(refusal));
        let trace = bench.trace();
        assert!(
            trace.contains(&format!(r#""code":"{code}""#)) && trace.contains(r#""ref":"r""#),
            "{trace}"
        );
        assert!(trace.contains(&format!("\nclose {close} ")), "{trace}");
        assert!(bench.session.is_closed());
    }
}

#[test]
fn a_long_refusal_is_cut_in_the_close_frame_only() {
    let mut bench = Bench::new();
    bench.frame(r#"{"type":"auth"}"#);
    bench.decide(1, Err(AuthRefusal::Refused("ä".repeat(100))));
    let trace = bench.trace();
    assert!(trace.contains(&"ä".repeat(100)) && trace.ends_with(&format!("close 4401 {}", "ä".repeat(61))));
}

#[test]
fn who_does_not_authenticate_in_time_is_closed() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(10));
    insta::assert_snapshot!(bench.trace(), @r#"
    send {"type":"error","message":"No authentication in time.","code":"not_authenticated","retryable":true}
    close 4401 No authentication in time.
    "#);
}

#[test]
fn a_decision_that_never_comes_is_the_servers_fault() {
    let mut bench = Bench::new();
    bench.pass(Duration::from_secs(9));
    bench.frame(r#"{"type":"auth"}"#);
    bench.pass(Duration::from_secs(9));
    assert!(!bench.session.is_closed());
    bench.pass(Duration::from_secs(1));
    assert!(bench.trace().contains("close 1011"));
    bench.grant(1, grant());
    assert!(bench.trace().is_empty());
}

#[test]
fn before_authentication_everything_else_is_refused_and_changes_nothing() {
    let mut bench = Bench::new();
    for frame in [
        r#"{"type":"push_event","repository":"a","event":{"eventId":"x"},"ref":1}"#,
        r#"{"type":"push_events_batch","repository":"_bad","events":[{"eventId":"x"},{},{"_event_id":"y","_operation":9}]}"#,
        r#"{"type":"request_events","repository":"a"}"#,
        r#"{"type":"request_all_events","ref":"r"}"#,
        r#"{"type":"subscribe","repositories":{}}"#,
        r#"{"type":"events_received","repository":"a","count":1}"#,
        r#"{"type":"what"}"#,
        r#"{"type":"request_events","repository":"_bad"}"#,
        r#"{"type":"ping","ref":2}"#,
        r#"{"type":"pong"}"#,
        "nonsense",
    ] {
        bench.frame(frame);
    }
    insta::assert_snapshot!(bench.trace(), @r#"
    send {"type":"error","ref":1,"message":"Not authenticated","code":"not_authenticated","retryable":true,"repository":"a","eventIds":["x"],"indexes":[0]}
    send {"type":"error","message":"Not authenticated","code":"not_authenticated","retryable":true,"repository":"_bad","eventIds":["x","y"],"indexes":[0,1,2]}
    send {"type":"error","message":"Not authenticated","code":"not_authenticated","retryable":true}
    send {"type":"error","ref":"r","message":"Not authenticated","code":"not_authenticated","retryable":true}
    send {"type":"error","message":"Not authenticated","code":"not_authenticated","retryable":true}
    send {"type":"error","message":"Not authenticated","code":"not_authenticated","retryable":true}
    send {"type":"error","message":"Not authenticated","code":"not_authenticated","retryable":true}
    send {"type":"error","message":"Not authenticated","code":"not_authenticated","retryable":true}
    send {"type":"pong","ref":2}
    send {"type":"error","message":"the frame is not valid JSON: expected ident at line 1 column 2","code":"bad_message","retryable":false}
    "#);
    assert!(!bench.session.is_closed());
}

#[test]
fn frames_behind_auth_wait_for_the_decision_in_order() {
    let mut bench = Bench::new();
    bench.frame(r#"{"type":"auth"}"#);
    bench.frame(r#"{"type":"push_event","repository":"a","event":{"eventId":"x"}}"#);
    bench.frame(r#"{"type":"auth","ref":"second"}"#);
    bench.frame(r#"{"type":"ping"}"#);
    bench.input(crate::server::SessionInput::Binary);
    bench.trace();
    bench.grant(1, grant());
    insta::assert_snapshot!(bench.trace(), @r#"
    send {"type":"auth_success"}
    hub attach Plain all
    hub push 1 default/a: x
    authenticate 2 Some("handshake") []
    "#);
    bench.grant(2, grant());
    insta::assert_snapshot!(bench.trace(), @r#"
    send {"type":"auth_success","ref":"second"}
    send {"type":"pong"}
    send {"type":"error","message":"Binary frames are not understood; send text frames.","code":"bad_message","retryable":false}
    resume
    "#);
}

#[test]
fn a_backlog_without_end_closes() {
    let mut bench = Bench::with(ServerLimits {
        backlog_bytes: 300,
        ..ServerLimits::default()
    });
    bench.frame(r#"{"type":"auth"}"#);
    for _ in 0..4 {
        bench.frame(r#"{"type":"ping"}"#);
    }
    assert!(bench.trace().contains("close 4429"));
}

#[test]
fn the_same_subject_keeps_its_streams_and_gets_its_new_rights() {
    let mut bench = Bench::extended();
    bench.frame(r#"{"type":"auth","protocol":1}"#);
    bench.trace();
    bench.grant(2, grant());
    assert!(!bench.trace().contains("hub"));
    bench.frame(r#"{"type":"auth","protocol":1}"#);
    bench.trace();
    let narrower = Grant {
        rights: Arc::new(rights(&["a"], &[])),
        ..grant()
    };
    bench.grant(3, narrower);
    let trace = bench.trace();
    assert!(
        trace.contains("hub attach Extended some") && trace.contains(r#""scope":"some""#),
        "{trace}"
    );
    assert!(!trace.contains("Reset"));
}

#[test]
fn another_subject_starts_anew_and_hears_nothing_of_the_old_one() {
    let mut bench = Bench::extended();
    bench.frame(r#"{"type":"request_all_events"}"#);
    bench.frame(r#"{"type":"auth","protocol":1}"#);
    bench.trace();
    let bob = Grant {
        subject: "bob".into(),
        ..grant()
    };
    bench.grant(2, bob);
    bench.frame(r#"{"type":"request_all_events"}"#);
    // What the hub said before it knew is not for bob, but its bytes count.
    bench.hub_frame("for alice");
    bench.hub(HubReply::ReadDone);
    bench.hub(HubReply::Reset);
    bench.hub_frame("for bob");
    let trace = bench.trace();
    assert!(trace.contains("hub Reset\nhub attach Extended all"), "{trace}");
    assert!(!trace.contains("alice") && trace.contains("send for bob"), "{trace}");
    let bytes: usize = bench
        .hub
        .iter()
        .map(|request| match request {
            HubRequest::Flushed { bytes } => *bytes,
            _ => 0,
        })
        .sum();
    assert_eq!(bytes, "for alice".len() + "for bob".len());
}

#[test]
fn the_other_kind_of_peer_starts_anew_too() {
    let mut bench = Bench::extended();
    bench.frame(r#"{"type":"auth"}"#);
    bench.trace();
    bench.grant(2, grant());
    assert!(bench.trace().contains("hub Reset\nhub attach Plain all"));
}

#[test]
fn expired_credentials_refuse_everything_and_close_after_a_grace_time() {
    let mut bench = Bench::new();
    bench.frame(r#"{"type":"auth","protocol":1}"#);
    let valid_for = Some(Duration::from_secs(5));
    bench.grant(1, Grant { valid_for, ..grant() });
    bench.trace();
    bench.pass(Duration::from_secs(5));
    bench.frame(r#"{"type":"push_events_batch","repository":"a","events":[{},{"eventId":"x"}],"ref":1}"#);
    bench.frame(r#"{"type":"request_all_events","ref":2}"#);
    bench.frame(r#"{"type":"ping"}"#);
    bench.hub_frame("a stream goes on");
    insta::assert_snapshot!(bench.trace(), @r#"
    send {"type":"error","message":"The credentials have expired; authenticate again.","code":"token_expired","retryable":true}
    hub hold default/a x
    send {"type":"error","ref":1,"message":"The credentials have expired; authenticate again.","code":"token_expired","retryable":true,"repository":"a","eventIds":["x"],"indexes":[0,1]}
    send {"type":"error","ref":2,"message":"The credentials have expired; authenticate again.","code":"token_expired","retryable":true}
    send {"type":"pong"}
    send a stream goes on
    hub Flushed { bytes: 16 }
    "#);
    bench.pass(Duration::from_secs(29));
    assert!(!bench.session.is_closed());
    bench.frame(r#"{"type":"pong"}"#);
    bench.pass(Duration::from_secs(1));
    assert!(bench.trace().ends_with("close 4401 The credentials have expired."));
}

#[test]
fn new_credentials_end_the_grace_time() {
    let mut bench = Bench::new();
    bench.frame(r#"{"type":"auth"}"#);
    let valid_for = Some(Duration::from_secs(5));
    bench.grant(1, Grant { valid_for, ..grant() });
    bench.pass(Duration::from_secs(34));
    bench.frame(r#"{"type":"auth"}"#);
    bench.pass(Duration::from_secs(1));
    bench.trace();
    bench.grant(2, grant());
    bench.frame(r#"{"type":"push_event","repository":"a","event":{"eventId":"x"}}"#);
    insta::assert_snapshot!(bench.trace(), @r#"
    send {"type":"auth_success"}
    resume
    hub push 1 default/a: x
    "#);
    assert!(!bench.session.is_closed());
}

#[test]
fn a_decision_about_nothing_is_counted() {
    let mut bench = Bench::extended();
    bench.grant(1, grant());
    bench.grant(9, grant());
    assert_eq!((bench.session.ignored_completions(), bench.trace().as_str()), (2, ""));
}
