//! The `driftless` command in a child process.

use super::until;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

/// The command, free of the environment's own settings.
pub(crate) fn driftless(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driftless"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DRIFTLESS_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    driftless(folder).args(arguments).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Asserts how a command failed.
#[track_caller]
pub(crate) fn assert_failed(output: &Output, status: i32, message: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert!(text.contains(message), "{text:?} does not say {message:?}");
}

/// `driftless serve` that has printed its banner.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) banner: String,
    stdout: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Serving {
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let serve = ["serve", "--listen", "127.0.0.1:0"];
        Self::spawn(folder, driftless(folder).args(serve).args(arguments))
    }

    pub(crate) fn spawn(folder: &Path, command: &mut Command) -> Self {
        let log = folder.join("serve.log");
        let stderr = File::create(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("stop ") {
            let read = stdout.read_line(&mut banner).unwrap();
            assert!(read > 0, "no banner: {banner}{}", fs::read_to_string(&log).unwrap());
        }
        let line = banner
            .lines()
            .find_map(|line| line.trim().strip_prefix("listening"))
            .unwrap();
        let address = line.trim().parse().unwrap();
        Self {
            child,
            address,
            banner,
            stdout,
            log,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/sync", self.address)
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for its end; everything that it wrote after the banner.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = until("the end of the server", || self.child.try_wait().unwrap());
        let mut text = fs::read_to_string(&self.log).unwrap();
        self.stdout.read_to_string(&mut text).unwrap();
        (status, text)
    }

    /// Stops it with SIGTERM; everything that it wrote after the banner.
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        let (status, text) = self.wait();
        assert!(status.success(), "{status}: {text}");
        text
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
