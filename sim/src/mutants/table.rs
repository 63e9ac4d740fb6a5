//! The table of mutants, in the terminal and in the README.

use super::hunt::Verdict;
use super::patch::Mutant;
use std::fmt::{self, Write};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Between these two lines of the README stands the table.
const BEGIN: &str = "<!-- mutants: written by `driftless-sim mutants --write` -->";
const END: &str = "<!-- end of mutants -->";

/// What became of one mutant.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which.
    pub mutant: Mutant,
    /// What became of it.
    pub verdict: Verdict,
    /// How long it took to build, hunt and shrink.
    pub took: Duration,
}

impl Row {
    /// Whether the gate lets it through.
    pub const fn is_killed(&self) -> bool {
        matches!(self.verdict, Verdict::Killed(_))
    }
}

/// One line for the terminal.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, intended) = (&self.mutant.name, self.mutant.invariant.name());
        match &self.verdict {
            Verdict::Killed(kill) => {
                write!(f, "{name}: killed by {} in seed {}", kill.by, kill.seed)?;
                if let Some(incidents) = kill.incidents {
                    write!(f, ", shrunk to {incidents} incidents")?;
                }
            }
            Verdict::KilledByOther(kill) => write!(
                f,
                "{name}: ALIVE: seed {} fails with {}, not with {intended}: {}",
                kill.seed, kill.by, kill.message
            )?,
            Verdict::Survived(seeds) => write!(f, "{name}: ALIVE: {intended} holds in {seeds} seeds")?,
            Verdict::Unusable(problem) => write!(f, "{name}: UNUSABLE: {problem}")?,
        }
        write!(f, " ({:.1} s)", self.took.as_secs_f64())
    }
}

/// The rows as a table of Markdown.
pub(super) fn markdown(rows: &[Row]) -> String {
    let mut table = String::from(
        "| mutant | the bug | has to fail | killed by | profile | seeds to kill | shrunk incidents | seconds |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let Mutant {
            name,
            bug,
            invariant,
            profile,
            ..
        } = &row.mutant;
        let (by, seeds, incidents) = match &row.verdict {
            Verdict::Killed(kill) => (kill.by.clone(), kill.seeds.to_string(), kill.incidents),
            Verdict::KilledByOther(kill) => (format!("**{}**", kill.by), kill.seeds.to_string(), None),
            Verdict::Survived(seeds) => ("**alive**".into(), format!("> {seeds}"), None),
            Verdict::Unusable(_) => ("**unusable**".into(), String::new(), None),
        };
        let incidents = incidents.map_or(String::new(), |incidents| incidents.to_string());
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| [{name}](mutants/{name}.patch) | {} | {} | {by} | {profile} | {seeds} | {incidents} | {:.0} |",
            bug.replace('|', "\\|"),
            invariant.name(),
            row.took.as_secs_f64()
        );
    }
    table
}

/// Puts the table into a README, in place of the one that is there.
pub fn write_into(readme: &Path, rows: &[Row]) -> io::Result<()> {
    let text = fs::read_to_string(readme)?;
    let with_table = replaced(&text, &markdown(rows)).ok_or_else(|| {
        let problem = format!("{}: there is no `{BEGIN}` with a `{END}` behind it", readme.display());
        io::Error::new(io::ErrorKind::InvalidData, problem)
    })?;
    fs::write(readme, with_table)
}

/// The text with `table` between the marks.
fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Invariant;
    use crate::mutants::hunt::Kill;

    fn row(verdict: Verdict) -> Row {
        Row {
            mutant: Mutant {
                name: "late".into(),
                bug: "it is late | or never".into(),
                invariant: Invariant::Liveness,
                also: Vec::new(),
                profile: "swarm".into(),
                seeds: 0..10,
                file: "late.patch".into(),
            },
            verdict,
            took: Duration::from_millis(1_600),
        }
    }

    fn kill() -> Kill {
        Kill {
            by: "liveness".into(),
            message: "it waits".into(),
            seed: 6,
            seeds: 7,
            incidents: Some(2),
        }
    }

    #[test]
    fn the_table_takes_the_place_of_the_last_one() {
        let text = format!("one\n{BEGIN}\nold\n{END}\ntwo\n");
        let table = markdown(&[row(Verdict::Killed(kill()))]);
        let new = replaced(&text, &table).unwrap();
        let line = "| [late](mutants/late.patch) | it is late \\| or never | liveness | liveness | swarm | 7 | 2 | 2 |";
        assert!(new.contains(line) && !new.contains("old"), "{new}");
        assert!(new.starts_with("one\n") && new.ends_with("two\n"));
        assert_eq!(replaced(&new, &table).unwrap(), new);
        assert!(replaced("no marks", &table).is_none());
    }

    #[test]
    fn only_the_intended_guarantee_counts_as_a_kill() {
        let lines = [
            (
                Verdict::Killed(kill()),
                "late: killed by liveness in seed 6, shrunk to 2 incidents (1.6 s)",
            ),
            (Verdict::Survived(10), "late: ALIVE: liveness holds in 10 seeds (1.6 s)"),
            (Verdict::Unusable("no".into()), "late: UNUSABLE: no (1.6 s)"),
        ];
        for (verdict, line) in lines {
            assert_eq!(row(verdict).to_string(), line);
        }
        assert!(row(Verdict::Killed(kill())).is_killed());
        assert!(!row(Verdict::KilledByOther(kill())).is_killed());
    }
}
