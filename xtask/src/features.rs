//! Which runtimes the library's features bring.

use crate::tools;
use std::process::Command;

/// Each feature that binds the library to a runtime, and the crate that it may bring.
const RUNTIMES: [(&str, Option<&str>); 3] = [("tokio", Some("tokio")), ("smol", Some("smol")), ("blocking", None)];

/// Crates that are, or run, an asynchronous runtime; `async-executor` and `async-io` are what smol is made of.
const CRATES: [(&str, &str); 4] = [
    ("tokio", "tokio"),
    ("smol", "smol"),
    ("async-executor", "smol"),
    ("async-io", "smol"),
];

/// Sees that each feature brings its own runtime and no other.
pub(crate) fn check() -> Result<(), String> {
    for (feature, own) in RUNTIMES {
        let tree = tree(feature)?;
        let names: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
        for (name, runtime) in CRATES {
            if names.contains(&name) && own != Some(runtime) {
                return Err(format!("the feature `{feature}` of driftless brings {name}"));
            }
        }
        if let Some(own) = own.filter(|own| !names.contains(own)) {
            return Err(format!("the feature `{feature}` of driftless does not bring {own}"));
        }
    }
    Ok(())
}

fn tree(feature: &str) -> Result<String, String> {
    let mut command = Command::new(tools::cargo());
    command.args([
        "tree",
        "--package",
        "driftless",
        "--no-default-features",
        "--features",
        feature,
    ]);
    command
        .args(["--edges", "normal", "--prefix", "none"])
        .current_dir(tools::workspace_root());
    let output = command
        .output()
        .map_err(|error| format!("cargo did not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("`cargo tree` ended with {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
