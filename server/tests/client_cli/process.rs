//! The processes under test.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than any of these steps takes: what is not there by then will not come.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

const DRIFTLESS: &str = env!("CARGO_BIN_EXE_driftless");

/// `driftless serve`, killed when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// On a free port, or on the one that an earlier server had.
    pub(crate) fn start(listen: &str, more: &[&str]) -> Self {
        let mut child = Command::new(DRIFTLESS)
            .args([
                "serve",
                "--store",
                "memory:",
                "--listen",
                listen,
                "--log-level",
                "error",
            ])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut banner = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = banner.find_map(|line| Some(line.unwrap().trim().strip_prefix("listening")?.trim().to_owned()));
        let address = address.expect("the banner says where it listens");
        Self { child, address }
    }

    pub(crate) fn new() -> Self {
        Self::start("127.0.0.1:0", &[])
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/sync", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address where nobody listens, and that a server can take.
pub(crate) fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// `driftless client`, killed when dropped.
pub(crate) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Value>,
}

impl Client {
    /// A client of `users` that reconnects quickly.
    pub(crate) fn start(url: &str, more: &[&str]) -> Self {
        let mut client = Self::start_unread(url, more);
        client.read();
        client
    }

    /// A client whose stdout nobody reads yet.
    pub(crate) fn start_unread(url: &str, more: &[&str]) -> Self {
        let mut child = Command::new(DRIFTLESS)
            .args([
                "client",
                "--url",
                url,
                "--repository",
                "users",
                "--reconnect-delay-ms",
                "20",
            ])
            .args(more)
            .env_remove("DRIFTLESS_TOKEN")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let lines = mpsc::channel().1;
        Self { child, stdin, lines }
    }

    /// Starts to read stdout.
    pub(crate) fn read(&mut self) {
        let (sender, lines) = mpsc::channel();
        self.lines = lines;
        let stdout = BufReader::new(self.child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines() {
                let line = serde_json::from_str(&line.unwrap()).expect("a line is JSON");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }

    pub(crate) fn on_file(url: &str, file: &Path) -> Self {
        Self::start(url, &["--db", file.to_str().unwrap()])
    }

    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
    }

    pub(crate) fn upsert(&mut self, id: &str, data: &str) {
        self.say(&format!(
            r#"{{"op":"upsert","repository":"users","id":"{id}","data":{data}}}"#
        ));
    }

    /// The next line, whatever it is; `None` at the end.
    pub(crate) fn next(&self) -> Option<Value> {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line within {DEADLINE:?}"),
        }
    }

    /// The next line with this event; others are passed over.
    pub(crate) fn expect(&self, event: &str) -> Value {
        loop {
            let line = self.next().unwrap_or_else(|| panic!("the end came before `{event}`"));
            if line["event"] == event {
                return line;
            }
        }
    }

    /// Says a line and waits for the answer.
    pub(crate) fn ask(&mut self, line: &str, event: &str) -> Value {
        self.say(line);
        self.expect(event)
    }

    pub(crate) fn connected(&self) {
        assert_eq!(self.expect("connection")["connected"], true);
    }

    pub(crate) fn end_stdin(&mut self) {
        self.stdin = None;
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process did not end");
            thread::yield_now();
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that ends by itself: its exit status, stdout and stderr.
pub(crate) fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(DRIFTLESS)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
