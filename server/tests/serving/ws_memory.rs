//! What a connection costs that has nothing to say.

use crate::support::process::Serving;
use crate::support::socket::{self, Socket};
use std::fs;
use std::net::SocketAddr;
use tempfile::tempdir;

/// Bytes of memory that an idle connection may take.
const IDLE_BYTES: usize = 11_000;

fn idle(address: SocketAddr, count: usize) -> Vec<Socket> {
    let connect = |_| {
        let mut socket = socket::subscribed(address, "/sync", "users");
        assert_eq!(socket::hear(&mut socket)["type"], "sync_complete");
        socket
    };
    (0..count).map(connect).collect()
}

/// Resident memory of a process, in bytes (proc(5)).
fn resident_bytes(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn an_idle_connection_is_small() {
    const COUNT: usize = 400;
    let folder = tempdir().unwrap();
    let serving = Serving::start(folder.path(), &["--store", "memory:"]);
    let warm = idle(serving.address, 100);
    let before = resident_bytes(serving.id());
    let sockets = idle(serving.address, COUNT);
    let each = (resident_bytes(serving.id()) - before) / COUNT;
    assert!(each < IDLE_BYTES, "an idle connection takes {each} bytes");
    drop((warm, sockets));
    serving.stop();
}
