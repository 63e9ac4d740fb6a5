//! Where a scenario comes from: a seed or a file.

use super::failure::Failure;
use crate::policies::Policies;
use crate::scenario::{Profile, Scenario};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use std::io::Write;
use std::path::Path;

/// Which profile.
#[derive(Clone, Debug, Args)]
pub(super) struct ProfileArgs {
    /// What scenarios are drawn from: which faults they may have, and how large they are.
    #[arg(long, default_value = "swarm", value_parser = profiles())]
    pub(super) profile: String,
}

/// Which scenario.
#[derive(Clone, Debug, Args)]
pub(super) struct SourceArgs {
    /// A seed, or a file with a scenario as `driftless-sim scenario` prints it.
    #[arg(value_name = "SEED|FILE")]
    source: String,
    #[command(flatten)]
    profile: ProfileArgs,
}

/// Flags of `scenario`.
#[derive(Clone, Debug, Args)]
pub(super) struct DrawArgs {
    #[command(flatten)]
    source: SourceArgs,
}

fn profiles() -> PossibleValuesParser {
    PossibleValuesParser::new(Profile::all().map(|(name, purpose)| PossibleValue::new(name).help(purpose)))
}

impl ProfileArgs {
    pub(super) fn profile(&self) -> Result<Profile, Failure> {
        let unknown = || Failure::unable(format!("there is no profile `{}`", self.profile));
        Profile::named(&self.profile).ok_or_else(unknown)
    }
}

impl SourceArgs {
    /// Draws or reads the scenario.
    pub(super) fn scenario(&self, policies: &Policies) -> Result<Scenario, Failure> {
        if let Ok(seed) = self.source.parse() {
            return Ok(Scenario::draw(seed, &self.profile.profile()?));
        }
        let unable = |why: String| Failure::unable(format!("{}: {why}", self.source));
        let text = std::fs::read_to_string(Path::new(&self.source)).map_err(|error| unable(error.to_string()))?;
        Scenario::from_json(&text, policies).map_err(|error| unable(error.to_string()))
    }
}

/// Prints a scenario.
pub(super) fn print(args: &DrawArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let scenario = args.source.scenario(&Policies::new())?;
    out.write_all(scenario.to_json().as_bytes())?;
    Ok(())
}
