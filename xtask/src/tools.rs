//! The tools that the steps need beyond Rust itself, installed into `target/tools` where they are missing.

use crate::say;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The version that the project's `deny.toml` is written for.
const CARGO_DENY: &str = "0.20.2";

/// The cargo that runs this program.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or_else(|| Path::new("."))
}

/// Downloads every package of the lock file, those of other platforms too: `cargo deny` reads them all, offline.
pub(crate) fn fetch_dependencies() -> Result<(), String> {
    let mut command = Command::new(cargo());
    command
        .args(["fetch", "--locked", "--quiet"])
        .current_dir(workspace_root());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`cargo fetch --locked` ended with {status}")),
        Err(error) => Err(format!("cargo did not start: {error}")),
    }
}

/// A `PATH` on which `cargo deny` is found; installs it if it is on none.
pub(crate) fn path_with_cargo_deny() -> Result<OsString, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if answers(&path) {
        return Ok(path);
    }
    let root = workspace_root().join("target").join("tools");
    let extended = prepend(&root.join("bin"), &path)?;
    if !answers(&extended) {
        say("xtask: installing cargo-deny into target/tools, once; this takes some minutes\n");
        install(&root)?;
    }
    Ok(extended)
}

fn answers(path: &OsString) -> bool {
    let mut command = Command::new(cargo());
    command
        .args(["deny", "--version"])
        .env("PATH", path)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn prepend(folder: &Path, path: &OsString) -> Result<OsString, String> {
    let folders: Vec<PathBuf> = std::iter::once(folder.to_owned())
        .chain(std::env::split_paths(path))
        .collect();
    std::env::join_paths(folders).map_err(|error| format!("PATH cannot be extended: {error}"))
}

fn install(root: &Path) -> Result<(), String> {
    let mut command = Command::new(cargo());
    command
        .args(["install", "--locked", "cargo-deny", "--version", CARGO_DENY, "--root"])
        .arg(root);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo-deny {CARGO_DENY} could not be installed ({status})")),
        Err(error) => Err(format!("cargo did not start: {error}")),
    }
}
