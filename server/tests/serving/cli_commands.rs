//! The one-shot commands.

use crate::support::process::{Serving, assert_failed, driftless, run, stderr, stdout};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use tempfile::tempdir;

#[test]
fn pushed_events_are_tailed() {
    let folder = tempdir().unwrap();
    let serving = Serving::start(folder.path(), &["--store", "memory:"]);
    let url = serving.url();
    let push = |arguments: &[&str]| {
        run(
            folder.path(),
            &[&["push", "--url", &url, "--repository", "users"], arguments].concat(),
        )
    };
    let event = r#"{"eventId":"e-1","dataId":"bob","data":{"n":1.0}}"#;
    for _ in 0..2 {
        assert_eq!(stdout(&push(&[event])), "{\"eventId\":\"e-1\",\"serverSequence\":1}\n");
    }
    assert!(push(&["--id", "alice", r#"{"name":"Alice"}"#]).status.success());
    assert!(push(&[r#"{"id":7}"#]).status.success());
    assert_failed(&push(&[r#"{"name":"nobody"}"#]), 2, "--id");
    assert_failed(&push(&["[1]"]), 2, "JSON object");
    assert_failed(&push(&[r#"{"eventId":"e-1","data":2}"#]), 1, "refuses");
    let tail = ["tail", "--url", &url, "--repository", "users", "--no-follow"];
    let all = run(folder.path(), &tail);
    let lines: Vec<Value> = stdout(&all)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let records: Vec<_> = lines
        .iter()
        .map(|line| line["_data_id"].as_str().or(line["dataId"].as_str()).unwrap())
        .collect();
    assert_eq!(records, ["bob", "alice", "7"]);
    assert!(stdout(&all).starts_with(r#"{"eventId":"e-1","dataId":"bob","data":{"n":1.0},"serverSequence":1}"#));
    let behind = run(folder.path(), &[&tail[..], &["--after", "2"]].concat());
    assert_eq!(stdout(&behind).lines().count(), 1);
    assert_failed(
        &run(folder.path(), &[&tail[..], &["--after", "9"]].concat()),
        1,
        "ends before sequence 9",
    );
    serving.stop();
}

#[test]
fn a_pipe_is_pushed_whole_and_in_order() {
    let folder = tempdir().unwrap();
    let serving = Serving::start(folder.path(), &["--store", "memory:"]);
    let url = serving.url();
    let mut command = driftless(folder.path());
    command.args(["push", "--url", &url, "--repository", "users", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for number in 1..=1_200 {
            writeln!(stdin, "{{\n \"eventId\":\"e{number}\"}}").unwrap();
        }
    });
    let pushed = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let expected: Vec<_> = (1..=1_200)
        .map(|number| format!("{{\"eventId\":\"e{number}\",\"serverSequence\":{number}}}"))
        .collect();
    assert_eq!(stdout(&pushed).lines().collect::<Vec<_>>(), expected);
    let tail = run(
        folder.path(),
        &[
            "tail",
            "--url",
            &url,
            "--repository",
            "users",
            "--no-follow",
            "--after",
            "1199",
        ],
    );
    assert_eq!(stdout(&tail), "{  \"eventId\":\"e1200\",\"serverSequence\":1200}\n");
    serving.stop();
}

#[test]
fn tail_follows() {
    let folder = tempdir().unwrap();
    let serving = Serving::start(folder.path(), &["--store", "memory:"]);
    let url = serving.url();
    let push = |event: &str| run(folder.path(), &["push", "--url", &url, "--repository", "users", event]);
    push(r#"{"eventId":"e1"}"#);
    let mut command = driftless(folder.path());
    command.args(["tail", "--url", &url, "--repository", "users"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), r#"{"eventId":"e1","serverSequence":1}"#);
    push(r#"{"eventId":"e2"}"#);
    assert_eq!(lines.next().unwrap().unwrap(), r#"{"eventId":"e2","serverSequence":2}"#);
    serving.stop();
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[test]
fn a_command_that_is_not_let_in_says_so() {
    let folder = tempdir().unwrap();
    let mut command = driftless(folder.path());
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--store", "memory:"])
        .env("DRIFTLESS_TOKEN", "secret");
    let serving = Serving::spawn(folder.path(), &mut command);
    let url = serving.url();
    let push = ["push", "--url", &url, "--repository", "users", "--id", "a", "{}"];
    assert_failed(&run(folder.path(), &push), 6, "refuses");
    let wrong = [&push[..], &["--token", "wrong"]].concat();
    assert_failed(&run(folder.path(), &wrong), 6, "refuses");
    let right = driftless(folder.path())
        .args(push)
        .env("DRIFTLESS_TOKEN", "secret")
        .output()
        .unwrap();
    assert!(right.status.success());
    let health = format!("http://{}", serving.address);
    let health = run(folder.path(), &["health", "--url", &health]);
    assert!(health.status.success() && stdout(&health).contains("healthy"));
    serving.stop();
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let folder = tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let health = run(folder.path(), &["health", "--url", &format!("http://{nobody}")]);
    assert_failed(&health, 5, "cannot reach");
    let url = format!("ws://{nobody}/sync");
    assert_failed(
        &run(folder.path(), &["tail", "--url", &url, "-r", "users"]),
        5,
        "cannot reach",
    );
    assert_failed(
        &run(folder.path(), &["tail", "--url", "https://x/sync", "-r", "users"]),
        2,
        "wss://",
    );
    assert_failed(
        &run(folder.path(), &["tail", "--url", &url, "-r", "_users"]),
        2,
        "repository",
    );
}

#[test]
fn an_export_and_a_backup_of_a_running_server_are_whole() {
    let folder = tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let url = serving.url();
    for number in 1..=3 {
        let event = format!(r#"{{"eventId":"e{number}"}}"#);
        assert!(
            run(folder.path(), &["push", "--url", &url, "--repository", "users", &event])
                .status
                .success()
        );
    }
    let exported = run(folder.path(), &["export"]);
    assert_eq!(stdout(&exported).lines().count(), 3);
    assert!(run(folder.path(), &["backup", "copy.db"]).status.success());
    assert_failed(&run(folder.path(), &["backup", "copy.db"]), 1, "exists");
    assert_failed(&run(folder.path(), &["import"]), 3, "in use");
    serving.stop();
    fs::write(folder.path().join("events.jsonl"), &exported.stdout).unwrap();
    let import = ["import", "--store", "sqlite:new/other.db", "events.jsonl"];
    assert!(stderr(&run(folder.path(), &import)).contains("imported 3 events"));
    assert!(stderr(&run(folder.path(), &import)).contains("3 were there already"));
    for store in ["sqlite:copy.db", "sqlite:new/other.db"] {
        let again = run(folder.path(), &["export", "--store", store]);
        assert_eq!(again.stdout, exported.stdout, "{store}");
    }
}

#[test]
fn a_store_that_is_not_there_is_told() {
    let folder = tempdir().unwrap();
    assert_failed(&run(folder.path(), &["export"]), 3, "no store");
    assert_failed(&run(folder.path(), &["backup", "copy.db"]), 3, "no store");
    assert_failed(&run(folder.path(), &["export", "--store", "memory:"]), 2, "has no file");
    assert_failed(&run(folder.path(), &["import", "missing.jsonl"]), 2, "missing.jsonl");
    fs::write(folder.path().join("bad.jsonl"), "{}\n").unwrap();
    assert_failed(&run(folder.path(), &["import", "bad.jsonl"]), 1, "line 1");
}

#[test]
fn help_teaches_with_examples() {
    let folder = tempdir().unwrap();
    for command in ["serve", "push", "tail", "export", "import", "backup", "health"] {
        let help = run(folder.path(), &[command, "--help"]);
        let text = stdout(&help);
        assert!(
            text.contains("Examples:") && text.contains(&format!("driftless {command}")),
            "{text}"
        );
    }
}
