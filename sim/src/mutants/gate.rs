//! From patches to a table.

use super::hunt::{Hunt, Verdict};
use super::patch::Mutant;
use super::table::Row;
use super::tree::Tree;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// The gate: which mutants, and how hard they are hunted.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The folder of the workspace's manifest.
    pub workspace: PathBuf,
    /// The mutants, in this order.
    pub mutants: Vec<Mutant>,
    /// At most so many seeds for each, though its header may allow more.
    pub seeds: u64,
    /// On how many threads seeds are run.
    pub jobs: usize,
    /// Whether failing schedules are shrunk.
    pub shrink: bool,
}

/// Why the gate could not do its work at all.
#[derive(Debug, thiserror::Error)]
pub enum MutantsError {
    /// A patch that cannot be read.
    #[error("{0}")]
    Patch(String),
    /// There is no mutant of that name.
    #[error("there is no mutant `{0}`")]
    Unknown(String),
    /// The copy without a patch does not compile.
    #[error("core as it is cannot be built: {0}")]
    Original(String),
    /// The copy without a patch fails: mutants would prove nothing.
    #[error("core as it is fails in seed {seed} of profile {profile}: {message}")]
    Fails {
        /// The profile.
        profile: String,
        /// The first seed that fails.
        seed: u64,
        /// How.
        message: String,
    },
    /// Files could not be written or read.
    #[error(transparent)]
    Files(#[from] io::Error),
}

/// A copy that was built, or why not.
struct Built {
    program: Result<PathBuf, String>,
    took: Duration,
}

impl Gate {
    /// All mutants of a workspace.
    pub fn new(workspace: &Path) -> Result<Self, MutantsError> {
        let folder = workspace.join("sim").join("mutants");
        Ok(Self {
            workspace: workspace.to_owned(),
            mutants: Mutant::all(&folder).map_err(MutantsError::Patch)?,
            seeds: u64::MAX,
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            shrink: true,
        })
    }

    /// Only the mutants of these names; of no names, all.
    pub fn only(mut self, names: &[String]) -> Result<Self, MutantsError> {
        if let Some(unknown) = names
            .iter()
            .find(|name| self.mutants.iter().all(|mutant| mutant.name != **name))
        {
            return Err(MutantsError::Unknown(unknown.clone()));
        }
        self.mutants
            .retain(|mutant| names.is_empty() || names.contains(&mutant.name));
        Ok(self)
    }

    /// Hunts every mutant, and says what becomes of each as soon as it is known.
    pub fn run(&self, progress: &mut dyn Write) -> Result<Vec<Row>, MutantsError> {
        let tree = Tree::new(&self.workspace);
        self.original_passes(&tree, progress)?;
        let mut rows = Vec::with_capacity(self.mutants.len());
        std::thread::scope(|scope| {
            // One copy ahead: the next is built while this one is hunted.
            let (ready, built) = mpsc::sync_channel(1);
            let tree = &tree;
            scope.spawn(move || {
                for mutant in &self.mutants {
                    // Nobody waits for it any more only when the progress cannot be written.
                    if ready.send(build(tree, mutant)).is_err() {
                        return;
                    }
                }
            });
            for (number, (mutant, built)) in self.mutants.iter().zip(built).enumerate() {
                let row = self.row(mutant, built);
                writeln!(progress, "[{}/{}] {row}", number + 1, self.mutants.len())?;
                progress.flush()?;
                rows.push(row);
            }
            Ok(rows)
        })
    }

    /// The copy without a patch passes every seed in which a mutant may be killed.
    fn original_passes(&self, tree: &Tree, progress: &mut dyn Write) -> Result<(), MutantsError> {
        writeln!(progress, "building core as it is, in a copy of its own")?;
        tree.refresh()?;
        let program = tree.build("original").map_err(MutantsError::Original)?;
        let hunt = Hunt {
            program: &program,
            jobs: self.jobs,
        };
        let mut profiles: Vec<(&str, u64, u64)> = Vec::new();
        for mutant in &self.mutants {
            let end = mutant.seeds.end.min(mutant.seeds.start.saturating_add(self.seeds));
            match profiles.iter_mut().find(|(profile, ..)| *profile == mutant.profile) {
                Some((_, first, last)) => {
                    (*first, *last) = ((*first).min(mutant.seeds.start), (*last).max(end));
                }
                None => profiles.push((&mutant.profile, mutant.seeds.start, end)),
            }
        }
        for (profile, from, to) in profiles {
            writeln!(
                progress,
                "core as it is has to pass the seeds {from}..{to} of profile {profile}"
            )?;
            progress.flush()?;
            let failure = hunt.first_failure(profile, from..to).map_err(MutantsError::Original)?;
            if let Some(kill) = failure {
                return Err(MutantsError::Fails {
                    profile: profile.into(),
                    seed: kill.seed,
                    message: kill.message,
                });
            }
        }
        Ok(())
    }

    fn row(&self, mutant: &Mutant, built: Built) -> Row {
        let time = stopwatch();
        let verdict = match built.program {
            Err(problem) => Verdict::Unusable(problem),
            Ok(program) => {
                let hunt = Hunt {
                    program: &program,
                    jobs: self.jobs,
                };
                hunt.hunt(mutant, self.seeds, self.shrink)
            }
        };
        Row {
            mutant: mutant.clone(),
            verdict,
            took: built.took + time(),
        }
    }
}

fn build(tree: &Tree, mutant: &Mutant) -> Built {
    let time = stopwatch();
    let applied = tree
        .refresh()
        .map_err(|error| format!("the copy cannot be made: {error}"))
        .and_then(|()| {
            tree.apply(mutant)
                .map_err(|said| format!("the patch does not apply any more: {said}"))
        });
    let program = applied.and_then(|()| {
        tree.build(&mutant.name)
            .map_err(|said| format!("what the patch makes does not compile: {said}"))
    });
    Built { program, took: time() }
}

/// Real time, which here is only told: how long building and hunting take.
#[expect(clippy::disallowed_types, reason = "no run depends on it")]
fn stopwatch() -> impl Fn() -> Duration {
    let started = std::time::Instant::now();
    move || started.elapsed()
}
