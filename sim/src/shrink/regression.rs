//! What a shrunk failure leaves behind: a kept scenario, a test that replays it, and the commands that repeat it.

use super::Shrunk;
use crate::scenario::Scenario;
use std::fmt::Write as _;

/// The command that repeats the run of a seed.
pub fn command(scenario: &Scenario) -> String {
    let Scenario { seed, profile, .. } = scenario;
    format!("cargo run --release -p driftless-sim -- replay {seed} --profile {profile}")
}

/// What the file of a kept scenario is called in `sim/tests/regressions`, where every file is replayed by a test.
pub fn file_name(shrunk: &Shrunk) -> String {
    format!("{}_{}.json", shrunk.failure.invariant.name(), shrunk.scenario.seed)
}

/// A test, ready to be put into a file of `sim/tests`, that fails as long as the failure is there.
pub fn regression(shrunk: &Shrunk) -> String {
    let Shrunk { scenario, failure, .. } = shrunk;
    let invariant = failure.invariant.name();
    let mut text = String::new();
    let mut line = |line: &str| writeln!(text, "{line}").expect("writing to a string cannot fail");
    line(&format!("/// {}", sentence(&failure.message)));
    line("///");
    for (index, incident) in scenario.incidents.iter().enumerate() {
        line(&format!("/// {}. {}", index + 1, sentence(&incident.to_string())));
    }
    line("///");
    line(&format!("/// Found as `{}`.", command(scenario)));
    line("#[test]");
    line(&format!("fn {invariant}_holds_in_seed_{}() {{", scenario.seed));
    let fence = fence(&scenario.to_json());
    line(&format!(
        "    let scenario = r{fence}\"{}\"{fence};",
        scenario.to_json()
    ));
    line("    let policies = driftless_sim::policies::Policies::new();");
    line("    let scenario = driftless_sim::scenario::Scenario::from_json(scenario, &policies).unwrap();");
    line("    let outcome = driftless_sim::run(&scenario, &policies, &driftless_sim::Options::default());");
    line("    assert_eq!(outcome.failure, None);");
    line("}");
    text
}

/// On one line, so that it stays in its comment.
fn sentence(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As many `#` as a raw string needs that holds the text.
fn fence(text: &str) -> String {
    let mut longest = 0;
    for piece in text.split('"').skip(1) {
        longest = longest.max(piece.bytes().take_while(|byte| *byte == b'#').count());
    }
    "#".repeat(longest + 1)
}
