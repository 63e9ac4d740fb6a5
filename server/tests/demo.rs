//! `driftless demo` plays to its happy end.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::process::{Command, Stdio};

#[test]
fn the_demonstration_ends_with_both_seeing_the_same() {
    let output = Command::new(env!("CARGO_BIN_EXE_driftless"))
        .args(["demo", "--fast"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (_, end) = text.split_once("Both have the same").expect("the last scene");
    assert!(end.contains(r#"milk   {"title":"Buy oat milk","done":true}"#), "{end}");
    assert!(!end.contains('≠') && !end.contains("bread"), "{end}");
    // Nobody wants escape codes in a file.
    assert!(!text.contains('\x1b'));
}
