//! A scenario as text, and what makes one wrong.

use super::Scenario;
use crate::policies::Policies;

/// Why a text is not a scenario that can be run.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Not JSON, or not of this shape.
    #[error("this is no scenario: {0}")]
    Syntax(#[from] serde_json::Error),
    /// A repository under a policy that the run is not given.
    #[error("the repository `{repository}` is under the policy `{policy}`, which is none of: {known}")]
    Policy {
        /// Which repository.
        repository: String,
        /// The policy that it names.
        policy: String,
        /// Those that there are.
        known: String,
    },
    /// A name that is no repository's.
    #[error("`{0}`: {1}")]
    Repository(String, driftless_core::name::NameError),
    /// Data of a write that is not JSON.
    #[error("a write to the record `{0}` carries data that is not JSON")]
    Data(String),
}

impl Scenario {
    /// The scenario as JSON, an incident a line.
    pub fn to_json(&self) -> String {
        let mut whole = self.clone();
        let incidents = std::mem::take(&mut whole.incidents);
        let text = written(serde_json::to_string_pretty(&whole));
        let line = |incident| written(serde_json::to_string(incident));
        let lines: Vec<String> = incidents.iter().map(line).collect();
        if lines.is_empty() {
            return text + "\n";
        }
        let list = format!("\"incidents\": [\n    {}\n  ]", lines.join(",\n    "));
        text.replacen("\"incidents\": []", &list, 1) + "\n"
    }

    /// Reads what [`Self::to_json`] has written, and looks whether it can be run under these policies.
    pub fn from_json(text: &str, policies: &Policies) -> Result<Self, ScenarioError> {
        let scenario: Self = serde_json::from_str(text)?;
        scenario.check(policies)?;
        Ok(scenario)
    }

    fn check(&self, policies: &Policies) -> Result<(), ScenarioError> {
        for plan in &self.repositories {
            if let Err(error) = driftless_core::name::RepositoryName::new(&plan.name) {
                return Err(ScenarioError::Repository(plan.name.clone(), error));
            }
            if policies.named(&plan.policy).is_none() {
                return Err(ScenarioError::Policy {
                    repository: plan.name.clone(),
                    policy: plan.policy.clone(),
                    known: policies.names().collect::<Vec<_>>().join(", "),
                });
            }
        }
        self.check_data()
    }

    fn check_data(&self) -> Result<(), ScenarioError> {
        for incident in &self.incidents {
            let super::What::Write(_, changes) = &incident.what else {
                continue;
            };
            for change in changes {
                let Some(data) = &change.data else { continue };
                if driftless_core::event::Json::parse(data.as_str()).is_err() {
                    return Err(ScenarioError::Data(change.record.clone()));
                }
            }
        }
        Ok(())
    }
}

fn written(text: Result<String, serde_json::Error>) -> String {
    text.expect("a scenario has names for keys alone, and writing to memory cannot fail")
}
