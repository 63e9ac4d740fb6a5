//! Requests and subscriptions on their way to the hub.

use super::bench::{Bench, grant, rights};
use crate::server::{Failure, Grant, HubReply, HubRequest, RequestKind, ServerLimits};
use crate::wire::ErrorCode;
use alloc::sync::Arc;

fn some_rights() -> Bench {
    let mut bench = Bench::with(ServerLimits::default());
    bench.frame(r#"{"type":"auth","protocol":1}"#);
    let rights = Arc::new(rights(&["a"], &["a"]));
    bench.grant(1, Grant { rights, ..grant() });
    bench.trace();
    bench.hub.clear();
    bench
}

#[test]
fn requests_reach_the_hub_with_their_fields() {
    let mut bench = Bench::plain();
    bench.frame(r#"{"type":"request_events","repository":"a","afterSequence":3,"limit":2,"ref":"r"}"#);
    bench.frame(r#"{"type":"request_all_events","limit":1}"#);
    bench.frame(r#"{"type":"request_all_events","repository":"a"}"#);
    let kinds: alloc::vec::Vec<_> = bench
        .hub
        .iter()
        .map(|request| match request {
            HubRequest::Read(read) => (read.limit, matches!(read.kind, RequestKind::All)),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [(Some(2), false), (Some(1), true), (None, false)]);
}

#[test]
fn what_may_not_be_read_is_refused_by_name() {
    let mut bench = some_rights();
    bench.frame(r#"{"type":"request_events","repository":"b","ref":1}"#);
    bench.frame(r#"{"type":"request_all_events","repository":"b","ref":2}"#);
    bench.frame(r#"{"type":"subscribe","ref":3,"repositories":{"b":{"afterSequence":0},"a":{"afterSequence":1}}}"#);
    bench.frame(r#"{"type":"subscribe","ref":4,"repositories":{"c":{"afterSequence":0}}}"#);
    insta::assert_snapshot!(bench.trace());
}

#[test]
fn a_failure_is_told_with_the_ref_of_its_request() {
    let mut bench = Bench::extended();
    bench.hub(HubReply::Failed(Failure {
        reference: crate::event::Json::parse("1").ok(),
        repository: crate::name::RepositoryName::new("a").ok(),
        code: ErrorCode::StoreUnavailable,
        message: "The store is not available.",
    }));
    assert_eq!(
        bench.trace(),
        r#"send {"type":"error","ref":1,"message":"The store is not available.","code":"store_unavailable","retryable":true,"repository":"a"}"#
    );
}
