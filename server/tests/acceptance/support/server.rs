//! `driftless serve` in a child process.

use super::http;
use super::wait::until;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use tempfile::TempDir;

/// A server with its own directory and a port that it keeps over restarts.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    directory: TempDir,
    flags: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// A server that is up.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server that is up, with more flags.
    pub(crate) fn start_with(flags: &[&str]) -> Self {
        let mut server = Self::down_with(flags);
        server.launch();
        server
    }

    /// A server that is not up yet, whose address is known already.
    pub(crate) fn down() -> Self {
        Self::down_with(&[])
    }

    fn down_with(flags: &[&str]) -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())),
            directory: tempfile::tempdir().unwrap(),
            flags: flags.iter().map(ToString::to_string).collect(),
            child: None,
        }
    }

    /// Starts it on the same store and waits until it is healthy.
    pub(crate) fn launch(&mut self) {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_driftless"))
            .arg("serve")
            .args(["--listen", &self.address.to_string()])
            .args(["--store", &self.store_url()])
            .args(&self.flags)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let child = self.child.insert(child);
        until("a healthy server", || {
            assert_eq!(child.try_wait().unwrap(), None, "the server has ended");
            (http::try_get(self.address, "/api/health")?.status == 200).then_some(())
        });
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM; the server has to end well.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let status = until("the server's end", || child.try_wait().unwrap());
        assert!(status.success(), "the server ended with {status}");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// `driftless backup`, while it runs.
    pub(crate) fn back_up(&self, to: &Path) {
        self.tool("backup", to.to_str().unwrap());
    }

    /// Puts a copy made by [`Self::back_up`] in the place of the stopped server's store.
    pub(crate) fn restore(&self, from: &Path) {
        fs::remove_dir_all(self.data()).unwrap();
        fs::copy(from, self.store()).unwrap();
    }

    /// Makes the stopped server's store anew: `driftless export`, then `driftless import`.
    pub(crate) fn export_and_import(&self) {
        let lines = self.directory.path().join("events.jsonl");
        let lines = lines.to_str().unwrap();
        self.tool("export", &format!("--output={lines}"));
        fs::remove_dir_all(self.data()).unwrap();
        self.tool("import", lines);
    }

    /// A command that works on the store's file.
    fn tool(&self, command: &str, argument: &str) {
        let output = Command::new(env!("CARGO_BIN_EXE_driftless"))
            .args([command, "--store", &self.store_url(), argument])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`driftless {command}` failed: {errors}");
    }

    fn store_url(&self) -> String {
        format!("sqlite:{}", self.store().display())
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn store(&self) -> PathBuf {
        fs::create_dir_all(self.data()).unwrap();
        self.data().join("store.db")
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("server.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            let start = log.char_indices().rev().nth(4_000).map_or(0, |(at, _)| at);
            eprintln!("end of the server's log:\n{}", &log[start..]);
        }
    }
}

/// A port that nobody listens on, below the ephemeral range (32768 and up on Linux): while a server is down, no
/// outgoing connection can be given its port, not even one that is trying to reach it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % 199).unwrap();
    loop {
        let offset = process * 50 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + offset % 10_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
