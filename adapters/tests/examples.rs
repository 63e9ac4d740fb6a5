//! The examples, run as the processes that a reader starts: three lists, one a runtime, and a server.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::env::{self, consts::EXE_SUFFIX};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Far longer than any of these steps takes: what is not there by then will not come.
const DEADLINE: Duration = Duration::from_mins(1);

/// Where cargo puts examples: beside the folder of this test.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap().join("examples");
    let path = folder.join(format!("{name}{EXE_SUFFIX}"));
    assert!(
        path.exists(),
        "{} is not built: run `cargo build -p driftless --examples --all-features`",
        path.display()
    );
    path
}

/// An example that runs, ended with the test.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Running {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(example(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            // Whoever stops listening has seen enough.
            let _ = stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line));
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
        }
    }

    fn say(&mut self, lines: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{lines}").unwrap();
        stdin.flush().unwrap();
    }

    /// Reads up to a line that contains `text`, and gives it.
    fn hears(&self, text: &str) -> String {
        let mut heard = Vec::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(DEADLINE) else {
                panic!("no `{text}` in {heard:#?}");
            };
            if line.contains(text) {
                return line;
            }
            heard.push(line);
        }
    }

    /// Waits for the end that was asked for.
    fn ends(mut self) {
        drop(self.stdin.take());
        while self.lines.recv_timeout(DEADLINE).is_ok() {}
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_lists_of_three_runtimes_share_what_is_written_through_an_embedded_server() {
    let server = Running::start("embedded_server", &["127.0.0.1:0"]);
    let told = server.hears("ws://");
    let url = &told[told.find("ws://").unwrap()..told.find(';').unwrap()];
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let open = |name: &str| Running::start(name, &[url, &file(name)]);

    let mut on_tokio = open("todo_tokio");
    on_tokio.say("add Buy milk\nsync\nwatch");
    on_tokio.hears("synced");
    on_tokio.hears("[ ] buy-milk: Buy milk");

    let mut on_smol = open("todo_smol");
    on_smol.say("sync\nlist\ndone buy-milk\nsync\nquit");
    on_smol.hears("[ ] buy-milk: Buy milk");
    on_smol.hears("done buy-milk");
    on_smol.ends();
    on_tokio.hears("[x] buy-milk: Buy milk");

    let mut blocking = open("todo_blocking");
    blocking.say("sync\nlist\nremove buy-milk\nadd Feed the cat\nsync\nstatus\nquit");
    blocking.hears("[x] buy-milk: Buy milk");
    blocking.hears(", 0 not sent yet");
    blocking.ends();
    on_tokio.hears("[ ] feed-the-cat: Feed the cat");
    on_tokio.say("list");
    on_tokio.hears("1 todos");
    on_tokio.ends();
    server.ends();
}

#[test]
fn a_list_keeps_what_was_written_offline() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("todos.db");
    for name in ["todo_tokio", "todo_smol", "todo_blocking"] {
        // Nobody listens there.
        let mut list = Running::start(name, &["ws://127.0.0.1:9/sync", file.to_str().unwrap()]);
        list.say(&format!("add {name}\nlist\nstatus\nquit"));
        list.hears(&format!("{name}: {name}  (not sent yet)"));
        list.hears(" not sent yet");
        list.ends();
    }
}
