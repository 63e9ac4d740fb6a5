//! The command as a user runs it: what it prints where, and how it ends.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::process::{Command, Output};

fn sim(arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driftless-sim"));
    command.args(arguments.split_whitespace()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_run_prints_one_object_and_nothing_else() {
    let run = sim("run --seeds 0..3 --profile calm --json --verify --jobs 2");
    assert_eq!((run.status.code(), text(&run.stderr).as_str()), (Some(0), ""));
    let printed = text(&run.stdout);
    assert_eq!(printed.lines().count(), 1);
    let summary: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&summary["seeds"], &summary["failures"]), (&3.into(), &0.into()));
    assert_eq!(summary["events"], 3 * 150);
    for number in ["simulated_s", "wall_s"] {
        assert!(summary[number].as_f64().unwrap() > 0.0, "{number}");
    }
    assert!(summary["invariants"]["durable_ack"].as_u64().unwrap() > 0);
    assert!(summary["digest"].is_string() && summary["faults"].is_object());
}

#[test]
fn the_digest_of_a_run_does_not_depend_on_threads_and_differs_between_seeds() {
    let digest = |arguments| {
        let run = sim(arguments);
        let summary: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        String::from(summary["digest"].as_str().unwrap())
    };
    let one = digest("run --seeds 5..9 --json --jobs 1");
    assert_eq!(one, digest("run --seeds 5..9 --json --jobs 3"));
    assert_ne!(one, digest("run --seeds 6..10 --json --jobs 1"));
}

#[test]
fn a_printed_scenario_replays_like_its_seed() {
    let scenario = sim("scenario 3 --profile crashes");
    assert_eq!(scenario.status.code(), Some(0));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("three.json");
    std::fs::write(&file, &scenario.stdout).unwrap();
    let [seed, file] = ["3", file.to_str().unwrap()].map(|source| sim(&format!("replay {source} --profile crashes")));
    assert_eq!(seed.status.code(), Some(0), "{}", text(&seed.stdout));
    assert_eq!(text(&seed.stdout), text(&file.stdout));
}

#[test]
fn wrong_usage_ends_with_status_2_and_says_why() {
    for (arguments, why) in [
        ("run --seeds 5..5", "there is no seed"),
        ("run --profile nothing", "possible values"),
        ("replay no-such-file.json", "no-such-file.json"),
    ] {
        let run = sim(arguments);
        assert_eq!(run.status.code(), Some(2), "{arguments}");
        assert!(text(&run.stderr).contains(why), "{arguments}: {}", text(&run.stderr));
        assert!(run.stdout.is_empty());
    }
}

#[test]
fn the_help_names_every_profile_and_the_exit_status() {
    let help = text(&sim("run --help").stdout);
    for profile in ["swarm", "calm", "big", "storms", "heartbeats"] {
        assert!(help.contains(profile), "{profile}");
    }
    assert!(text(&sim("--help").stdout).contains("Exit status"));
}
