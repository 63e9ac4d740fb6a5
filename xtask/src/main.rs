//! Everything that a contributor runs and that is not plain cargo: `cargo xtask --help`.
//!
//! Uses the standard library alone, so that the first command of a newcomer starts at once.

mod check;
mod features;
mod picture;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  check          everything that a change has to pass: format, lints, documentation, licences, `core` without std,
                 all tests and doc tests, thousands of simulated days, and some bugs put into `core` that the simulator
                 has to notice. Stops at the first step that fails.
  check STEP...  only these steps: fmt, clippy, doc, deny, no-std, features, test, sim, mutants
  picture        runs the demonstration and draws it into docs/demo.svg
  help           this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["check", steps @ ..] => check::run(steps),
        ["picture"] => picture::run(),
        ["help" | "--help" | "-h"] | [] => {
            say(HELP);
            ExitCode::SUCCESS
        }
        [other, ..] => {
            say(&format!("xtask: there is no command `{other}`\n\n{HELP}"));
            ExitCode::from(2)
        }
    }
}

/// Writes to the terminal; one that is closed is no reason to stop.
fn say(text: &str) {
    use std::io::Write;
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}
