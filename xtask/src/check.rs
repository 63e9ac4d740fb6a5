//! `cargo xtask check`: what a change has to pass.

use crate::{features, say, tools};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// A step: its name, the arguments of each cargo command, and the environment that makes warnings errors.
struct Step {
    name: &'static str,
    commands: &'static [&'static [&'static str]],
    environment: &'static [(&'static str, &'static str)],
}

/// The arguments of cargo that run the simulator.
macro_rules! simulator {
    ($($argument:literal),+) => {
        ["run", "--release", "--quiet", "--package", "driftless-sim", "--bin", "driftless-sim", "--", $($argument),+]
    };
}

/// The arguments of cargo that look at the library with some features alone.
macro_rules! library {
    ($features:literal) => {
        [
            "check",
            "--package",
            "driftless",
            "--no-default-features",
            "--features",
            $features,
        ]
    };
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        commands: &[&["fmt", "--all", "--check"]],
        environment: &[],
    },
    Step {
        name: "clippy",
        commands: &[&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "--deny",
            "warnings",
        ]],
        environment: &[],
    },
    Step {
        name: "doc",
        commands: &[&["doc", "--workspace", "--all-features", "--no-deps"]],
        environment: &[("RUSTDOCFLAGS", "--deny warnings")],
    },
    Step {
        name: "deny",
        // Advisories need a database from the network; the rest is decided by the lock file alone.
        commands: &[&[
            "deny",
            "--offline",
            "--all-features",
            "check",
            "licenses",
            "bans",
            "sources",
        ]],
        environment: &[],
    },
    Step {
        name: "no-std",
        commands: &[&["check", "--manifest-path", "core/no-std/Cargo.toml"]],
        environment: &[("CARGO_TARGET_DIR", "target/no-std")],
    },
    Step {
        name: "features",
        // One runtime each; which crates they bring is looked at as well.
        commands: &[
            &library!["tokio"],
            &library!["smol"],
            &library!["blocking"],
            &library!["blocking,tls,sqlite"],
        ],
        environment: &[
            ("RUSTFLAGS", "--deny warnings"),
            ("CARGO_TARGET_DIR", "target/features"),
        ],
    },
    Step {
        name: "test",
        commands: &[&["test", "--workspace", "--all-features"]],
        environment: &[],
    },
    Step {
        name: "sim",
        // Thousands of seeds once, some of them twice to see that a run is the same every time, and one small world
        // with everything that can happen in it.
        commands: &[
            &simulator!["run", "--seeds", "0..3000"],
            &simulator!["run", "--seeds", "0..300", "--verify"],
            &simulator!["explore"],
        ],
        environment: &[],
    },
    Step {
        name: "mutants",
        // One of each corner of `core`; `driftless-sim mutants` hunts them all.
        commands: &[&simulator![
            "mutants",
            "--seeds",
            "300",
            "--no-shrink",
            "cursor-before-apply",
            "in-flight-not-resent",
            "page-off-by-one",
            "commit-behind-a-gap"
        ]],
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
    if step.name == "deny" {
        tools::fetch_dependencies()?;
    }
    for arguments in step.commands {
        run_cargo(step, arguments)?;
    }
    if step.name == "features" {
        features::check()?;
    }
    say(&format!(
        "── {} passed in {:.0} s ──\n",
        step.name,
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

fn run_cargo(step: &Step, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new(tools::cargo());
    if step.name == "deny" {
        command.env("PATH", tools::path_with_cargo_deny()?);
    }
    command.args(arguments).envs(step.environment.iter().copied());
    command.current_dir(tools::workspace_root());
    let status = command
        .status()
        .map_err(|error| format!("cargo did not start: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("`cargo {}` ended with {status}", arguments.join(" ")))
}
