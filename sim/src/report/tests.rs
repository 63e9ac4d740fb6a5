use super::*;
use crate::check::{Failure, Invariant};
use crate::fault::Fired;
use crate::policies::Policies;
use driftless_core::Instant;
use std::collections::BTreeSet;

fn result(seed: u64, enabled: &[Fault], fired: &[Fault]) -> SeedResult {
    let mut counted = Fired::default();
    for fault in fired {
        counted.count(*fault);
    }
    let mut checks = Counts::default();
    checks.count(Invariant::DurableAck);
    SeedResult {
        seed,
        digest: seed * 31,
        enabled: enabled.iter().copied().collect::<BTreeSet<Fault>>(),
        fired: counted,
        checks,
        events: 10,
        frames: 100,
        simulated: Duration::from_secs(2),
        broken: None,
    }
}

fn profile() -> Profile {
    Profile::new("test").with(Fault::Cut, 50).with(Fault::Stall, 50)
}

#[test]
fn a_report_does_not_depend_on_the_order_of_its_seeds() {
    let results = [
        result(0, &[Fault::Cut], &[]),
        result(1, &[], &[]),
        result(2, &[], &[Fault::Stall]),
    ];
    let mut reports = [Report::new(&profile()), Report::new(&profile())];
    for (one, other) in results.iter().zip(results.iter().rev()) {
        reports[0].add(one.clone());
        reports[1].add(other.clone());
    }
    let [one, other] = reports.map(|report| {
        let mut text = Vec::new();
        let repeat = |seed: u64| format!("replay {seed}");
        Summary::new(&report, Duration::from_secs(1), repeat)
            .write_json(&mut text)
            .unwrap();
        String::from_utf8(text).unwrap()
    });
    assert_eq!(one, other);
}

#[test]
fn a_fault_that_never_fires_fails_a_run_of_many_seeds() {
    let mut report = Report::new(&profile());
    let both = [Fault::Cut, Fault::Stall];
    for seed in 0..ENOUGH_SEEDS - 1 {
        report.add(result(seed, &both, &[Fault::Cut]));
    }
    assert!(report.is_good(), "a few seeds may miss one");
    report.add(result(ENOUGH_SEEDS, &both, &[Fault::Cut]));
    assert_eq!((report.never_fired(), report.is_good()), (vec![Fault::Stall], false));
}

#[test]
fn a_fault_that_was_not_enabled_does_not_count_as_fired() {
    let mut report = Report::new(&profile());
    report.add(result(0, &[Fault::Cut], &[Fault::Stall]));
    let seeds = |fault| report.faults()[&fault];
    assert_eq!((seeds(Fault::Cut).enabled, seeds(Fault::Cut).fired), (1, 0));
    assert_eq!(seeds(Fault::Stall), FaultSeeds::default());
}

#[test]
fn the_json_has_everything_at_its_place() {
    let mut report = Report::new(&profile());
    report.add(result(0, &[Fault::Cut, Fault::Stall], &[Fault::Cut]));
    let mut bad = result(1, &[Fault::Cut], &[]);
    bad.broken = Some(Broken::Invariant(Failure {
        invariant: Invariant::Convergence,
        at: Instant::from_micros(5),
        message: "client 0 shows something else".into(),
    }));
    report.add(bad);
    let summary = Summary::new(&report, Duration::from_millis(500), |seed| format!("replay {seed}"));
    insta::assert_snapshot!(serde_json::to_string_pretty(&summary).unwrap());
    let mut text = Vec::new();
    summary.write_text(&mut text).unwrap();
    insta::assert_snapshot!(String::from_utf8(text).unwrap());
}

#[test]
fn a_sweep_is_the_same_on_any_number_of_threads() {
    let (profile, policies) = (Profile::swarm().writes(5..=20), Policies::new());
    let [one, many] = [1, 4].map(|jobs| {
        let sweep = Sweep {
            profile: &profile,
            policies: &policies,
            workload: None,
            seeds: 100..112,
            jobs,
            verify: true,
            keep_going: true,
        };
        let mut seen = 0;
        let report = sweep.run(|_| seen += 1);
        assert_eq!((seen, report.seeds()), (12, 12));
        report.digest()
    });
    assert_eq!(one, many);
}
