//! Feeds the kept corpora to the targets, on any toolchain.

use std::path::Path;

#[expect(
    clippy::print_stdout,
    reason = "the test harness shows the last input of a failed run"
)]
fn replay(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&corpus)
        .unwrap_or_else(|error| panic!("{}: {error}", corpus.display()))
        .map(|entry| entry.expect("the corpus can be listed").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is not empty", corpus.display());
    for file in files {
        let data = std::fs::read(&file).expect("the corpus can be read");
        println!("{}", file.display());
        run(&data);
    }
}

#[test]
fn kept_client_frames() {
    replay("client_frame", driftless_fuzz::client_frame);
}

#[test]
fn kept_server_frames() {
    replay("server_frame", driftless_fuzz::server_frame);
}

#[test]
fn kept_events() {
    replay("splice", driftless_fuzz::splice);
}
