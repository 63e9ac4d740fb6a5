//! Known failures: what they shrink to is known as well.

use super::*;
use crate::check::Invariant;
use crate::random::{Delay, Random};
use crate::recording::tests::scenario;
use crate::scenario::{Change, Incident, RepositoryPlan, What, When};
use driftless_core::Instant;

const BUDGET: u64 = 5_000;

/// Four clients, three repositories, hundreds of incidents of all sorts.
fn busy(seed: u64) -> Scenario {
    let mut random = Random::new(seed, "test", 0);
    let mut busy = scenario();
    busy.seed = seed;
    busy.clients = vec![busy.clients[0].clone(); 4];
    busy.repositories = ["a", "b", "c"]
        .map(|name| RepositoryPlan {
            name: name.into(),
            policy: "tally".into(),
        })
        .into();
    busy.network.latency = Delay::LongTail(20_000);
    busy.server.tiny_limits = true;
    busy.incidents = (0..400).map(|index| any(&mut random, index)).collect();
    busy.heal_at = 500_000_000;
    busy
}

fn any(random: &mut Random, index: u64) -> Incident {
    let client = usize::try_from(random.below(4)).unwrap();
    let repository = usize::try_from(random.below(3)).unwrap();
    let what = match random.below(8) {
        0 => What::Crash(client, 3_456_789),
        1 => What::Cut {
            client,
            arrives: 37,
            client_told: false,
            server_told: false,
        },
        2 => What::Sleep(client, 98_765_432),
        3 => What::ServerCrash(1_234_567),
        4 => What::Resync(client, repository),
        _ => {
            let change = |repository| Change {
                repository,
                record: "r".into(),
                data: Some("{\"text\":\"long\"}".into()),
            };
            What::Write(client, (0..3).map(change).collect())
        }
    };
    Incident {
        when: When::At(index * 1_000_000 + 4_321),
        what,
    }
}

fn failure(invariant: Invariant, at: u64) -> Failure {
    Failure {
        invariant,
        at: Instant::from_micros(at),
        message: "it is \"wrong\"".into(),
    }
}

fn moment(incident: &Incident) -> u64 {
    match incident.when {
        When::At(at) => at,
        _ => 0,
    }
}

/// Shrinks a busy scenario that fails where `found` finds the moment of a failure.
fn shrunk(seed: u64, mut found: impl FnMut(&Scenario) -> Option<u64>) -> Shrunk {
    let busy = busy(seed);
    let mut fails = |scenario: &Scenario| found(scenario).map(|at| failure(Invariant::NothingLost, at));
    let first = fails(&busy).expect("the test's scenario fails");
    let shrunk = shrink_by(&busy, &first, BUDGET, &mut fails, |_| {});
    assert_eq!(fails(&shrunk.scenario), Some(shrunk.failure.clone()));
    assert!(!shrunk.exhausted, "{} runs", shrunk.runs);
    shrunk
}

/// The first incident of a kind behind a place.
fn next(scenario: &Scenario, from: usize, is: impl Fn(&What) -> bool) -> Option<usize> {
    let found = scenario.incidents[from..]
        .iter()
        .position(|incident| is(&incident.what))?;
    Some(from + found)
}

#[test]
fn only_the_incidents_that_matter_are_left() {
    // A write of some client to the third repository, then a crash of the server, then a crash of the same client.
    let found = |scenario: &Scenario| {
        scenario.incidents.iter().enumerate().find_map(|(index, incident)| {
            let What::Write(client, changes) = &incident.what else {
                return None;
            };
            changes
                .iter()
                .find(|change| scenario.repositories[change.repository].name == "c")?;
            let crash = next(scenario, index, |what| matches!(what, What::ServerCrash(_)))?;
            let end = next(
                scenario,
                crash,
                |what| matches!(what, What::Crash(other, _) if other == client),
            )?;
            Some(moment(&scenario.incidents[end]))
        })
    };
    for seed in 0..5 {
        let Shrunk { scenario, runs, .. } = shrunk(seed, found);
        let left = scenario
            .incidents
            .iter()
            .map(|incident| incident.what.clone())
            .collect::<Vec<_>>();
        let change = Change {
            repository: 0,
            record: "a".into(),
            data: Some("{\"n\":1}".into()),
        };
        let smallest = [
            What::Write(0, vec![change]),
            What::ServerCrash(1_000),
            What::Crash(0, 1_000),
        ];
        assert_eq!((left.as_slice(), scenario.clients.len()), (smallest.as_slice(), 1));
        assert_eq!(scenario.repositories.len(), 1);
        assert_eq!(scenario.repositories[0].policy, "server_order");
        assert_eq!(scenario.network.latency, Delay::Fixed(10_000));
        assert!(!scenario.server.tiny_limits && runs < 300, "{runs} runs");
        assert!(scenario.heal_at <= 10_000, "healed at {}", scenario.heal_at);
        assert_eq!(
            scenario.settle_within,
            busy(seed).settle_within,
            "less time to settle is another failure"
        );
    }
}

#[test]
fn waits_durations_and_cuts_get_as_small_as_the_failure_allows() {
    // A cut whose server is not told, 70 ms or more behind a sleep of two seconds or more.
    let found = |scenario: &Scenario| {
        let sleep = next(scenario, 0, |what| matches!(what, What::Sleep(_, 2_000_000..)))?;
        let cuts = scenario.incidents[sleep..].iter().filter(|incident| {
            let untold = matches!(incident.what, What::Cut { server_told: false, .. });
            untold && moment(incident) >= moment(&scenario.incidents[sleep]) + 70_000
        });
        cuts.map(moment).next()
    };
    let incidents = shrunk(3, found).scenario.incidents;
    let [sleep, cut] = &incidents[..] else {
        panic!("{incidents:?}")
    };
    assert!(matches!(sleep.what, What::Sleep(_, 2_000_000)), "{sleep:?}");
    assert!(
        matches!(
            cut.what,
            What::Cut {
                arrives: 0,
                client_told: true,
                server_told: false,
                ..
            }
        ),
        "{cut:?}"
    );
    assert_eq!(moment(cut), 100_000);
}

#[test]
fn data_whose_length_matters_stays_about_as_long_as_it_has_to_be() {
    let long = |what: &What| match what {
        What::Write(_, changes) => changes
            .iter()
            .any(|change| change.data.as_ref().is_some_and(|data| data.len() >= 300)),
        _ => false,
    };
    let found = |scenario: &Scenario| next(scenario, 0, long).map(|_| 999_999_999);
    let mut start = busy(7);
    let data = format!("{{\"text\":\"{}\"}}", "ü".repeat(2_000));
    let change = Change {
        repository: 1,
        record: "somewhere".into(),
        data: Some(data),
    };
    start.incidents[200].what = What::Write(1, vec![change]);
    let fails = |scenario: &Scenario| found(scenario).map(|at| failure(Invariant::NothingLost, at));
    let shrunk = shrink_by(&start, &fails(&start).unwrap(), BUDGET, fails, |_| {});
    let [
        Incident {
            what: What::Write(0, changes),
            ..
        },
    ] = &shrunk.scenario.incidents[..]
    else {
        panic!("{:?}", shrunk.scenario.incidents)
    };
    let data = changes[0].data.as_ref().unwrap();
    assert!((300..600).contains(&data.len()) && data.contains("xxx"), "{data}");
}

#[test]
fn a_client_whose_place_matters_keeps_it() {
    let found = |scenario: &Scenario| {
        next(scenario, 0, |what| matches!(what, What::Write(2, _))).map(|index| moment(&scenario.incidents[index]))
    };
    let scenario = shrunk(1, found).scenario;
    assert_eq!((scenario.clients.len(), scenario.incidents.len()), (3, 1));
    assert_eq!(scenario.clients[0].joins_at, None);
    assert_eq!(scenario.clients[2].joins_at, Some(0));
}

#[test]
fn another_invariant_is_another_failure() {
    let busy = busy(2);
    let fails = |scenario: &Scenario| {
        let invariant = if scenario.incidents.len() < 20 {
            Invariant::Liveness
        } else {
            Invariant::Convergence
        };
        Some(failure(invariant, 400_000_000))
    };
    let shrunk = shrink_by(
        &busy,
        &failure(Invariant::Convergence, 400_000_000),
        BUDGET,
        fails,
        |_| {},
    );
    assert_eq!(shrunk.failure.invariant, Invariant::Convergence);
    assert_eq!(shrunk.scenario.incidents.len(), 20);
}

#[test]
fn the_budget_is_kept_and_told() {
    let busy = busy(4);
    let mut told = Vec::new();
    let fails = |_: &Scenario| Some(failure(Invariant::Convergence, 1));
    let shrunk = shrink_by(&busy, &failure(Invariant::Convergence, 1), 7, fails, |progress| {
        told.push(progress.runs);
    });
    assert_eq!((shrunk.runs, shrunk.exhausted), (7, true));
    assert_eq!(told, (1..=7).collect::<Vec<_>>());
}

#[test]
fn the_same_failure_always_shrinks_to_the_same_scenario() {
    let found = |scenario: &Scenario| next(scenario, 0, |what| matches!(what, What::Resync(..))).map(|_| 999_999_999);
    assert_eq!(shrunk(5, found), shrunk(5, found));
}

#[test]
fn the_regression_test_carries_its_scenario_and_the_command() {
    let found = |scenario: &Scenario| next(scenario, 0, |what| matches!(what, What::Sleep(..))).map(|_| 77);
    let mut shrunk = shrunk(6, found);
    shrunk.scenario.incidents.push(Incident {
        when: When::At(1),
        what: What::Write(
            0,
            vec![Change {
                repository: 0,
                record: "\"##".into(),
                data: None,
            }],
        ),
    });
    let text = regression(&shrunk);
    assert!(text.contains("/// it is \"wrong\"\n"), "{text}");
    assert!(text.contains("-- replay 6 --profile test`"), "{text}");
    assert!(text.contains("fn nothing_lost_holds_in_seed_6() {"), "{text}");
    let (_, rest) = text.split_once("r###\"").expect("a raw string with enough fences");
    let (json, _) = rest.split_once("\"###;").unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(json).unwrap(), shrunk.scenario);
}
