use super::*;
use crate::policies::Policies;
use std::collections::BTreeMap;

fn drawn(profile: &Profile, seeds: u64) -> impl Iterator<Item = Scenario> {
    (0..seeds).map(|seed| Scenario::draw(seed, profile))
}

/// In how many of so many seeds each fault is enabled.
fn enabled(profile: &Profile, seeds: u64) -> BTreeMap<Fault, u64> {
    let mut enabled = BTreeMap::new();
    for scenario in drawn(profile, seeds) {
        for fault in scenario.faults {
            *enabled.entry(fault).or_default() += 1;
        }
    }
    enabled
}

#[test]
fn a_seed_and_a_profile_always_make_the_same_scenario() {
    let profile = Profile::swarm().clients(2..=2).writes(3..=3);
    insta::assert_snapshot!(Scenario::draw(1, &profile).to_json());
}

#[test]
fn every_fault_is_on_in_a_part_of_the_seeds_and_off_in_a_good_part() {
    let enabled = enabled(&Profile::swarm(), 1_000);
    for fault in Fault::ALL {
        let percent = enabled.get(fault).copied().unwrap_or_default() / 10;
        assert!((10..=70).contains(&percent), "{}: {percent} %", fault.name());
    }
}

#[test]
fn some_seeds_are_calm_and_some_have_nearly_everything() {
    let counts: Vec<usize> = drawn(&Profile::swarm(), 1_000)
        .map(|scenario| scenario.faults.len())
        .collect();
    assert!(counts.iter().filter(|count| **count == 0).count() >= 20);
    assert!(counts.iter().filter(|count| **count >= 25).count() >= 20);
}

#[test]
fn other_odds_of_one_fault_leave_the_others_where_they_were() {
    let [with, without] = [100, 0].map(|percent| Profile::swarm().with(Fault::Stall, percent));
    for seed in 0..200 {
        let [mut with, without] = [&with, &without].map(|profile| Scenario::draw(seed, profile));
        let stalls = |incident: &Incident| matches!(incident.what, What::Stall(..));
        assert!(!without.incidents.iter().any(stalls) || without.faults.contains(&Fault::Stall));
        with.faults
            .retain(|fault| *fault != Fault::Stall || without.faults.contains(fault));
        if !without.faults.contains(&Fault::Stall) {
            with.incidents.retain(|incident| !stalls(incident));
        }
        assert_eq!(with, without);
    }
}

#[test]
fn what_happens_is_in_order_names_what_is_there_and_ends_before_the_healing() {
    for (name, _) in Profile::all().filter(|(name, _)| *name != "big") {
        for scenario in drawn(&Profile::named(name).unwrap(), 100) {
            let mut before = 0;
            for incident in &scenario.incidents {
                let When::At(at) = incident.when else { continue };
                assert!(
                    before <= at && at < scenario.heal_at,
                    "{name} {}: {incident:?}",
                    scenario.seed
                );
                before = at;
            }
            let writers = scenario.incidents.iter().filter_map(|incident| match incident.what {
                What::Write(client, _) => Some(client),
                _ => None,
            });
            assert!(writers.max() < Some(scenario.clients.len()));
        }
    }
}

#[test]
fn a_published_server_meets_only_what_it_makes_a_promise_about() {
    let mut seen = 0;
    for scenario in drawn(&Profile::swarm(), 1_000) {
        if scenario.server.kind == ServerKind::Published {
            seen += 1;
            assert!(scenario.repositories.iter().all(|plan| plan.policy == "server_order"));
            assert!(!scenario.faults.contains(&Fault::Restore));
        }
    }
    assert!(seen > 50);
    let plan = |policy: &str| RepositoryPlan {
        name: "todos".into(),
        policy: policy.into(),
    };
    let merging = Profile::swarm().fixed_repositories(vec![plan("server_order"), plan("tally")]);
    assert!(!enabled(&merging, 200).contains_key(&Fault::PlainServer));
}

#[test]
fn messages_vanish_inside_connections_in_the_lossy_profile_alone() {
    for (name, _) in Profile::all().filter(|(name, _)| *name != "big") {
        for scenario in drawn(&Profile::named(name).unwrap(), 20) {
            assert_eq!(scenario.network.lossy_percent > 0, name == "heartbeats");
        }
    }
}

#[test]
fn a_scenario_is_read_back_from_its_text() {
    let policies = Policies::new();
    for scenario in drawn(&Profile::storms(), 50) {
        assert_eq!(Scenario::from_json(&scenario.to_json(), &policies).unwrap(), scenario);
    }
    let calm = Scenario::draw(0, &Profile::calm().writes(0..=0));
    assert_eq!(Scenario::from_json(&calm.to_json(), &policies).unwrap(), calm);
}

#[test]
fn a_text_that_cannot_be_run_says_why() {
    let policies = Policies::new();
    let mut scenario = Scenario::draw(1, &Profile::calm());
    scenario.repositories[0].policy = "mine".into();
    let error = Scenario::from_json(&scenario.to_json(), &policies).unwrap_err();
    insta::assert_snapshot!(error, @"the repository `todos` is under the policy `mine`, which is none of: last_write_wins, merge_fields, server_order, tally");
    scenario.repositories[0].policy = "tally".into();
    scenario.incidents[0].what = What::Write(0, vec![Change::upsert(0, "r", "{")]);
    let error = Scenario::from_json(&scenario.to_json(), &policies).unwrap_err();
    insta::assert_snapshot!(error, @"a write to the record `r` carries data that is not JSON");
}

#[test]
fn the_measured_worlds_are_what_their_names_promise() {
    let writes = |scenario: &Scenario| scenario.incidents.len();
    let [calm, big] = [Profile::calm(), Profile::big()].map(|profile| Scenario::draw(1, &profile));
    assert_eq!((calm.clients.len(), writes(&calm)), (3, 150));
    assert_eq!((big.clients.len(), writes(&big)), (10, 100_000));
    assert!(calm.faults.is_empty() && big.faults.is_empty());
}
