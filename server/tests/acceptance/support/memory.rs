//! Resident memory of a child process, as the kernel counts it (proc(5), `/proc/PID/status` and `clear_refs`).

use std::fs;

pub(crate) const MIB: u64 = 1 << 20;

/// Resident memory now, in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    field(pid, "VmRSS:")
}

/// The most resident memory since the start or the last [`reset_peak`], in bytes.
pub(crate) fn peak(pid: u32) -> u64 {
    field(pid, "VmHWM:")
}

/// Lets [`peak`] count from now on.
pub(crate) fn reset_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
}

fn field(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}
