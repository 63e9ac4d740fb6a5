//! Scenarios that failed once. Each file in `regressions` is what was left of one when it was made as small as it could
//! be; all of them have to hold.

use driftless_sim::policies::Policies;
use driftless_sim::report::{Comparisons, SeedResult};
use driftless_sim::scenario::Scenario;
use std::path::{Path, PathBuf};

#[test]
fn what_failed_once_holds() {
    let policies = Policies::new();
    let everything = Comparisons {
        again: true,
        other_clocks: true,
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|file| file.extension().is_some_and(|ending| ending == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "the folder is there to be filled");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let scenario = Scenario::from_json(&text, &policies).unwrap();
        let broken = SeedResult::of(&scenario, &policies, everything).broken;
        assert_eq!(broken, None, "{}", file.display());
    }
}
