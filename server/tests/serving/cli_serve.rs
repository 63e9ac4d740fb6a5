//! `driftless serve` as a process.

use crate::support::http::{connect, get, head, post};
use crate::support::process::{Serving, assert_failed, driftless, run, stdout};
use crate::support::{socket, until};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use tempfile::tempdir;

#[test]
fn it_says_where_it_listens_and_what_was_acked_is_there_after_a_stop() {
    let folder = tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    assert!(
        serving.banner.contains(&format!("ws://{}/sync", serving.address)),
        "{}",
        serving.banner
    );
    assert!(
        serving.banner.contains("sqlite:driftless-data/driftless.db"),
        "{}",
        serving.banner
    );
    assert_eq!(get(serving.address, "/api/health").status, 200);
    assert_eq!(
        post(serving.address, "/api/events/users", r#"{"eventId":"e"}"#).status,
        201
    );
    serving.stop();
    assert!(folder.path().join("driftless-data/driftless.db").is_file());
    let again = Serving::start(folder.path(), &[]);
    assert_eq!(get(again.address, "/api/events/users").json()["count"], 1);
    again.stop();
}

#[test]
fn it_listens_on_this_machine_by_its_name() {
    let folder = tempdir().unwrap();
    let mut command = driftless(folder.path());
    command.args(["serve", "--listen", "localhost:0", "--store", "memory:"]);
    let serving = Serving::spawn(folder.path(), &mut command);
    assert!(serving.address.ip().is_loopback(), "{}", serving.address);
    serving.stop();
}

#[test]
fn ctrl_c_stops_it_as_well_and_closes_connections_with_1012() {
    let folder = tempdir().unwrap();
    let serving = Serving::start(folder.path(), &["--store", "memory:"]);
    let mut socket = socket::plain(serving.address, "/sync");
    serving.signal("INT");
    assert_eq!(socket::close_code(&mut socket), 1012);
    drop(socket);
    let (status, text) = serving.wait();
    assert!(status.success(), "{status}: {text}");
    assert!(text.contains("stopping") && text.contains("stopped"), "{text}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempdir().unwrap();
    let serving = Serving::start(folder.path(), &["--store", "memory:"]);
    // A request that is under way holds the stop up.
    let mut holding = connect(serving.address);
    let begun = head(serving.address, "POST", "/api/events/users", &[], Some(100)) + "{";
    holding.write_all(begun.as_bytes()).unwrap();
    until("the request to be under way", || {
        let metrics = get(serving.address, "/metrics").body;
        (!metrics.contains("\ndriftless_http_requests_total 1\n")).then_some(())
    });
    serving.signal("TERM");
    until("the port to be closed", || {
        std::net::TcpStream::connect(serving.address).err()
    });
    serving.signal("TERM");
    let (status, _) = serving.wait();
    assert_eq!(status.code(), Some(130));
}

#[test]
fn beyond_this_machine_it_wants_a_token_or_a_word() {
    let folder = tempdir().unwrap();
    let refused = run(folder.path(), &["serve", "--listen", "0.0.0.0:0", "--store", "memory:"]);
    assert_failed(&refused, 2, "--insecure-no-auth");
    let serve = ["serve", "--listen", "0.0.0.0:0", "--store", "memory:"];
    for (name, value) in [("DRIFTLESS_TOKEN", "secret"), ("DRIFTLESS_INSECURE_NO_AUTH", "true")] {
        let mut command = driftless(folder.path());
        let serving = Serving::spawn(folder.path(), command.args(serve).env(name, value));
        assert_eq!(
            serving.banner.contains("NO TOKEN"),
            name != "DRIFTLESS_TOKEN",
            "{}",
            serving.banner
        );
        serving.stop();
    }
}

#[test]
fn what_cannot_work_is_told_with_a_status_of_its_own() {
    let folder = tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let serve = |arguments: &[&str]| {
        run(
            folder.path(),
            &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat(),
        )
    };
    assert_failed(
        &run(folder.path(), &["serve", "--listen", "8080"]),
        2,
        "write ADDRESS:PORT",
    );
    let in_use = run(folder.path(), &["serve", "--store", "memory:", "--listen", &address]);
    assert_failed(&in_use, 4, "another process listens there");
    assert_failed(&serve(&["--store", "postgres://x"]), 2, "`sqlite:PATH` or `memory:`");
    assert_failed(&serve(&["--allow-origin", "example.com"]), 2, "not an origin");
    assert_failed(&serve(&["--log-level", "info=x=y"]), 2, "--log-level");
    assert_failed(&serve(&["--token-file", "missing"]), 2, "--token-file missing");
    assert_failed(&serve(&["--token", " "]), 2, "token is empty");
    fs::write(
        folder.path().join("text"),
        "not a database, and long enough to see that it is none",
    )
    .unwrap();
    assert_failed(&serve(&["--store", "sqlite:text"]), 3, "text");
    assert_failed(&serve(&["--store", "sqlite:text/below.db"]), 3, "text");
}

#[test]
fn a_store_has_one_server() {
    let folder = tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let second = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_failed(&second, 3, "in use");
    serving.stop();
}

#[test]
fn the_token_is_in_no_log_and_no_help() {
    const SECRET: &str = "s3cr3t-t0ken";
    let folder = tempdir().unwrap();
    for format in ["text", "json"] {
        let file = folder.path().join("token");
        fs::write(&file, format!("{SECRET}\n")).unwrap();
        let mut command = driftless(folder.path());
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--store",
            "memory:",
            "--log-level",
            "trace",
        ]);
        command.args(["--token-file", "token"]);
        if format == "json" {
            // Without a banner there is no port to find; this is about the log alone.
            let output = command
                .args(["--log-format", "json", "--allow-origin", "x"])
                .output()
                .unwrap();
            assert!(!format!("{output:?}").contains(SECRET));
            continue;
        }
        let serving = Serving::spawn(folder.path(), &mut command);
        let bearer = format!("Bearer {SECRET}");
        let mut socket = socket::open_with(serving.address, "/sync", &[("Authorization", &bearer)]);
        socket::say(&mut socket, &format!(r#"{{"type":"auth","token":"{SECRET}"}}"#));
        assert_eq!(socket::hear(&mut socket)["type"], "auth_success");
        drop(socket);
        assert!(!serving.banner.contains(SECRET));
        let log = serving.stop();
        assert!(!log.contains(SECRET), "{log}");
    }
    let help = driftless(folder.path())
        .args(["serve", "--help"])
        .env("DRIFTLESS_TOKEN", SECRET)
        .output()
        .unwrap();
    assert!(stdout(&help).contains("DRIFTLESS_TOKEN") && !stdout(&help).contains(SECRET));
}

#[test]
fn json_logs_say_where_it_listens() {
    let folder = tempdir().unwrap();
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut command = driftless(folder.path());
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--store",
        "memory:",
        "--log-format",
        "json",
    ]);
    let mut child = command.stderr(log).spawn().unwrap();
    let line = until("a line of the log", || {
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        log.lines().next().filter(|_| log.ends_with('\n')).map(str::to_owned)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["message"], "listening");
    assert!(line["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
}
