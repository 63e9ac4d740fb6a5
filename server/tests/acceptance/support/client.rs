//! `driftless client` in a child process, over its line protocol.

use super::wait::{PATIENCE, until};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

/// A headless client and everything it has said.
pub(crate) struct Client {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<Line>,
    said: Vec<Line>,
    requests: u64,
}

struct Line {
    text: String,
    value: Value,
}

impl Client {
    /// A client of these repositories at `url`, on the file `db`.
    pub(crate) fn start(url: &str, db: &Path, repositories: &[&str], flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_driftless"))
            .args(["client", "--url", url, "--reconnect-delay-ms", "50"])
            .arg("--db")
            .arg(db)
            .args(repositories.iter().flat_map(|name| ["--repository", name]))
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take().unwrap(),
            lines: read_lines(child.stdout.take().unwrap()),
            child,
            said: Vec::new(),
            requests: 0,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a line without waiting for anything.
    pub(crate) fn send(&mut self, line: &Value) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    pub(crate) fn upsert(&mut self, repository: &str, id: &str, data: &Value) {
        self.send(&json!({"op": "upsert", "repository": repository, "id": id, "data": data}));
    }

    pub(crate) fn delete(&mut self, repository: &str, id: &str) {
        self.send(&json!({"op": "delete", "repository": repository, "id": id}));
    }

    /// Sends a line with a `request` and waits for the line that answers it.
    pub(crate) fn ask(&mut self, line: Value) -> Value {
        let answer = self.answer(line);
        self.said[answer].value.clone()
    }

    /// As [`Self::ask`]; the answer as it was written.
    pub(crate) fn ask_text(&mut self, line: Value) -> String {
        let answer = self.answer(line);
        self.said[answer].text.clone()
    }

    fn answer(&mut self, mut line: Value) -> usize {
        self.requests += 1;
        let request = json!(self.requests);
        line["request"] = request.clone();
        self.send(&line);
        let from = self.said.len();
        self.find(from, &format!("an answer to {line}"), |said| said["request"] == request)
    }

    /// Waits until the outbox is empty.
    pub(crate) fn flush(&mut self) {
        assert_eq!(self.ask(json!({"op": "flush"}))["event"], "flushed");
    }

    pub(crate) fn status(&mut self) -> Value {
        self.ask(json!({"op": "status"}))
    }

    /// The event ids of the outbox, oldest first.
    pub(crate) fn pending(&mut self) -> Vec<String> {
        serde_json::from_value(self.status()["pending"].take()).unwrap()
    }

    pub(crate) fn cursor(&mut self, repository: &str) -> u64 {
        self.status()["cursors"][repository].as_u64().unwrap()
    }

    /// Waits until everything up to `sequence` is applied.
    pub(crate) fn reach(&mut self, repository: &str, sequence: u64) {
        until("a cursor", || (self.cursor(repository) >= sequence).then_some(()));
        assert_eq!(self.cursor(repository), sequence, "the cursor is past the log");
    }

    /// All records of a repository, ordered by id.
    pub(crate) fn records(&mut self, repository: &str) -> Vec<Value> {
        let mut answer = self.ask(json!({"op": "query", "repository": repository}));
        let Value::Array(mut records) = answer["records"].take() else {
            panic!("not an answer to a query: {answer}");
        };
        records.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
        records
    }

    /// Waits for a line, among those said already first.
    pub(crate) fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let line = self.find(0, what, wanted);
        self.said[line].value.clone()
    }

    /// Everything said until now that matches.
    pub(crate) fn said(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.said.extend(self.lines.try_iter());
        let values = self.said.iter().map(|line| &line.value);
        values.filter(|value| wanted(value)).cloned().collect()
    }

    /// Waits for a line at or behind place `next` of what was said; its place.
    fn find(&mut self, mut next: usize, what: &str, wanted: impl Fn(&Value) -> bool) -> usize {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.said[next..].iter().position(|line| wanted(&line.value)) {
                return next + found;
            }
            next = self.said.len();
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("waited in vain for {what}; {}", self.last_words()),
                Err(RecvTimeoutError::Disconnected) => panic!("ended before {what}; {}", self.last_words()),
            }
        }
    }

    fn last_words(&self) -> String {
        let start = self.said.len().saturating_sub(10);
        let lines: Vec<_> = self.said[start..].iter().map(|line| line.text.clone()).collect();
        format!("the client's last lines:\n{}", lines.join("\n"))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads on a thread of its own, so that a client never waits for the test to listen.
fn read_lines(stdout: ChildStdout) -> Receiver<Line> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for text in BufReader::new(stdout).lines() {
            let Ok(text) = text else { return };
            // A number that no Rust type holds, such as 1e400, is legal JSON: such a line is kept as text alone.
            let value = serde_json::from_str(&text).unwrap_or_default();
            if sender.send(Line { text, value }).is_err() {
                return;
            }
        }
    });
    receiver
}
