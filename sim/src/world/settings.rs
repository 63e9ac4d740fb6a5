//! What machines are made with, from the plans of a scenario.

use super::Options;
use crate::policies::Policies;
use crate::random::Random;
use crate::scenario::{ClientPlan, Scenario, ServerPlan, StrategyPlan};
use driftless_core::client::{ClientConfig, ClientCredentials, ClientLimits, RepositoryConfig, Strategy, Timing};
use driftless_core::event::Spelling;
use driftless_core::name::RepositoryName;
use driftless_core::server::{Access, Rights, ServerLimits};
use std::sync::Arc;
use std::time::Duration;

/// What the wall clocks of true time show at the beginning: 2025-01-23T10:00:00Z.
pub(super) const WALL_MS: i64 = 1_737_626_400_000;

/// The repositories of a scenario.
///
/// # Panics
///
/// If one of them is not a name.
pub(super) fn repositories(scenario: &Scenario) -> Vec<RepositoryName> {
    let names = scenario.repositories.iter();
    names
        .map(|plan| RepositoryName::new(&plan.name).expect("a scenario names repositories as the protocol allows"))
        .collect()
}

/// Longer than any clock is off.
const FOR_EVER: Duration = Duration::from_hours(100 * 365 * 24);

/// What a client is made with, but for the seed, which is another one at every start.
pub(super) fn client(scenario: &Scenario, plan: &ClientPlan, policies: &Policies, options: Options) -> ClientConfig {
    let plans = scenario.repositories.iter().zip(repositories(scenario));
    let repositories = plans.map(|(plan, name)| RepositoryConfig {
        name,
        policy: Arc::clone(
            policies
                .named(&plan.policy)
                .expect("a run is given every policy that its scenario names"),
        ),
        filtered: false,
    });
    let keep_acked = Timing::default().keep_acked;
    ClientConfig {
        repositories: repositories.collect(),
        credentials: ClientCredentials::default(),
        spelling: if plan.seed_spelling {
            Spelling::Seeds
        } else {
            Spelling::Package
        },
        strategy: strategy(plan.strategy),
        timing: Timing {
            keep_acked: if options.keep_acked { FOR_EVER } else { keep_acked },
            ..Timing::default()
        },
        limits: if plan.tiny_limits {
            tiny_client()
        } else {
            ClientLimits::default()
        },
        seed: [0; 32],
    }
}

fn strategy(plan: StrategyPlan) -> Strategy {
    match plan {
        StrategyPlan::RealTime => Strategy::default(),
        StrategyPlan::OnDemand => Strategy::manual(),
        StrategyPlan::OnConnectivity => Strategy {
            on_connectivity: true,
            ..Strategy::manual()
        },
        StrategyPlan::Every(micros) => Strategy {
            every: Some(Duration::from_micros(micros)),
            ..Strategy::manual()
        },
    }
}

/// The seed of a client's n-th life.
pub(super) fn client_seed(seed: u64, client: usize, life: u32) -> [u8; 32] {
    Random::new(seed, "client machine", (client as u64) << 32 | u64::from(life)).seed()
}

/// So small that pages, windows and pauses are part of the play. What a client keeps for a server that lost events
/// stays as it is: a smaller one may rightly lose events.
fn tiny_client() -> ClientLimits {
    ClientLimits {
        received_bytes: 2_000,
        apply_events: 3,
        storage_bytes: 400,
        window_events: 3,
        window_bytes: 1_000,
        push_events: 2,
        push_bytes: 600,
        writes: 8,
        plain_live_events: 2,
        ..ClientLimits::default()
    }
}

/// The server's limits.
pub(super) fn server(plan: &ServerPlan) -> ServerLimits {
    if !plan.tiny_limits {
        return ServerLimits::default();
    }
    ServerLimits {
        page_events: 3,
        page_bytes: 800,
        stream_bytes: 2_000,
        reply_bytes: 600,
        push_bytes: 1_000,
        pushes: 3,
        requests: 2,
        queued_bytes: 4_000,
        commit_events: 3,
        commit_bytes: 1_000,
        ..ServerLimits::default()
    }
}

/// All rights, or those to all repositories but the last.
pub(super) fn rights(repositories: &[RepositoryName], narrow: bool) -> Rights {
    if !narrow {
        return Rights::all();
    }
    let most = &repositories[..repositories.len().saturating_sub(1)];
    let access = Access::Only(most.iter().cloned().collect());
    Rights {
        scope: "most".into(),
        read: access.clone(),
        write: access,
    }
}
