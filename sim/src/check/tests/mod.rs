//! Hand-made histories: right ones pass, wrong ones fail with the name of what is broken.

mod bench;
mod wrong;

pub(super) use bench::{batch, repository};

use bench::Bench;

/// Client 0 writes `a`; both clients have it in the end.
fn right() -> Bench {
    let mut bench = Bench::new();
    bench.write(0, "a", "r");
    bench.push(0, "a", "r");
    bench.store(&[("a", "r")]);
    bench.ack(0, "a", 1);
    let frame = Bench::events(0, &[("a", "r")]);
    for client in 0..2 {
        bench.down(client, &frame);
        bench.apply(client, 1, "a", "r", client == 0);
    }
    bench
}

#[test]
fn a_right_history_passes_and_is_settled() {
    let mut bench = right();
    assert!(bench.is_settled());
    bench.end();
    assert_eq!(bench.checks.failure(), None);
}

#[test]
fn a_restored_history_passes_if_the_client_begins_anew() {
    let mut bench = right();
    bench.write(1, "b", "r");
    bench.push(1, "b", "r");
    bench.store(&[("b", "r")]);
    bench.restore("f", 0);
    for client in 0..2 {
        bench.connect(client);
        bench.subscribe(client, 1, 1, Some("a"));
        bench.down(
            client,
            r#"{"type":"history_changed","ref":1,"repository":"notes","epoch":"f"}"#,
        );
    }
    assert_eq!(bench.checks.failure(), None);
    assert!(!bench.is_settled(), "the cursors are of the history before");
}
