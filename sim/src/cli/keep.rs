//! What a failing seed leaves behind: a small scenario, a page to look at it, and a regression test.

use super::failure::Failure;
use super::shrink::shrunk;
use crate::check;
use crate::page::page;
use crate::policies::Policies;
use crate::recording::Recording;
use crate::scenario::Scenario;
use crate::shrink::regression;
use crate::world::{self, Options};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// How many runs it may take to make the scenario of a failing seed smaller on the way.
const RUNS: u64 = 600;

/// Writes `SEED.json`, `SEED.html` and `SEED.rs` to a folder, and says so.
pub(super) fn keep(
    scenario: &Scenario,
    failure: &check::Failure,
    policies: &Policies,
    folder: &Path,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let small = shrunk(scenario, failure, policies, RUNS);
    let name = |ending: &str| folder.join(format!("{}.{ending}", scenario.seed));
    write_file(&name("json"), &small.scenario.to_json())?;
    write_file(&name("rs"), &regression(&small))?;
    let paged = write_page(&small.scenario, policies, &name("html"))?;
    writeln!(
        out,
        "seed {}: {} of {} incidents and {} of {} clients are enough; see {}",
        scenario.seed,
        small.scenario.incidents.len(),
        scenario.incidents.len(),
        small.scenario.clients.len(),
        scenario.clients.len(),
        name(if paged { "html" } else { "json" }).display(),
    )?;
    Ok(())
}

/// Writes the page of a scenario's run. A run that panics leaves nothing to look at: says whether there is a page.
pub(super) fn write_page(scenario: &Scenario, policies: &Policies, file: &Path) -> Result<bool, Failure> {
    match recorded(scenario, policies) {
        Some(recording) => write_file(file, &page(&recording)).map(|()| true),
        None => Ok(false),
    }
}

/// The run with everything that happened; `None` if it panics.
pub(super) fn recorded(scenario: &Scenario, policies: &Policies) -> Option<Recording> {
    let options = Options {
        record: true,
        ..Options::default()
    };
    let run = AssertUnwindSafe(|| world::run(scenario, policies, &options));
    catch_unwind(run).ok()?.recording
}

fn write_file(file: &Path, text: &str) -> Result<(), Failure> {
    let unable = |error| Failure::unable(format!("{}: {error}", file.display()));
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(unable)?;
    }
    std::fs::write(file, text).map_err(unable)
}
