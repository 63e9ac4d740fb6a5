//! `cargo xtask check`: what a change has to pass.

use crate::{say, tools};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// A step: its name, the arguments of cargo, and the environment that makes warnings errors.
struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        arguments: &["fmt", "--all", "--check"],
        environment: &[],
    },
    Step {
        name: "clippy",
        arguments: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "--deny",
            "warnings",
        ],
        environment: &[],
    },
    Step {
        name: "doc",
        arguments: &["doc", "--workspace", "--all-features", "--no-deps"],
        environment: &[("RUSTDOCFLAGS", "--deny warnings")],
    },
    Step {
        name: "deny",
        // Advisories need a database from the network; the rest is decided by the lock file alone.
        arguments: &[
            "deny",
            "--offline",
            "--all-features",
            "check",
            "licenses",
            "bans",
            "sources",
        ],
        environment: &[],
    },
    Step {
        name: "no-std",
        arguments: &["check", "--manifest-path", "core/no-std/Cargo.toml"],
        environment: &[("CARGO_TARGET_DIR", "target/no-std")],
    },
    Step {
        name: "test",
        arguments: &["test", "--workspace", "--all-features"],
        environment: &[],
    },
];

/// Runs the named steps, all of them where none is named, in their order.
pub(crate) fn run(names: &[&str]) -> ExitCode {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        say(&format!(
            "xtask: there is no step `{unknown}`; the steps are {}\n",
            known.join(", ")
        ));
        return ExitCode::from(2);
    }
    for step in STEPS
        .iter()
        .filter(|step| names.is_empty() || names.contains(&step.name))
    {
        if let Err(problem) = run_step(step) {
            say(&format!("xtask: step {} failed: {problem}\n", step.name));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run_step(step: &Step) -> Result<(), String> {
    say(&format!("── {} ──\n", step.name));
    let started = Instant::now();
    let mut command = Command::new(tools::cargo());
    if step.name == "deny" {
        tools::fetch_dependencies()?;
        command.env("PATH", tools::path_with_cargo_deny()?);
    }
    command.args(step.arguments).envs(step.environment.iter().copied());
    command.current_dir(tools::workspace_root());
    let status = command
        .status()
        .map_err(|error| format!("cargo did not start: {error}"))?;
    if !status.success() {
        return Err(format!("`cargo {}` ended with {status}", step.arguments.join(" ")));
    }
    say(&format!(
        "── {} passed in {:.0} s ──\n",
        step.name,
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}
