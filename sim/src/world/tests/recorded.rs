//! Recorded worlds.

use super::calm;
use crate::policies::Policies;
use crate::recording::{Change, Kind, Recording};
use crate::scenario::{self, Incident, Scenario, What, When};
use crate::world::{Options, run};

fn write(client: usize, at: u64, record: &str) -> Incident {
    let change = scenario::Change {
        repository: 0,
        record: record.into(),
        data: Some("{\"n\":1}".into()),
    };
    Incident {
        when: When::At(at),
        what: What::Write(client, vec![change]),
    }
}

/// Two clients that write; one crashes, the server too, the other sleeps.
fn eventful() -> Scenario {
    let mut scenario = calm(2);
    // Who is not told of a crash finds out by a heartbeat.
    scenario.heal_at = 120_000_000;
    let at = |at, what| Incident {
        when: When::At(at),
        what,
    };
    scenario.incidents = vec![
        write(0, 1_000_000, "a"),
        at(2_000_000, What::Crash(0, 500_000)),
        at(3_000_000, What::Sleep(1, 1_000_000)),
        write(0, 3_100_000, "b"),
        at(5_000_000, What::ServerCrash(500_000)),
        write(1, 5_100_000, "c"),
    ];
    scenario
}

fn recording() -> Recording {
    let outcome = run(&eventful(), &Policies::new(), &options(true));
    assert_eq!(outcome.failure, None);
    outcome.recording.expect("it was asked for")
}

#[test]
fn to_be_recorded_changes_nothing() {
    let [on, off] = [true, false].map(|record| run(&eventful(), &Policies::new(), &options(record)));
    assert_eq!((on.digest, on.steps, on.frames), (off.digest, off.steps, off.frames));
    assert!(on.recording.is_some() && off.recording.is_none());
}

#[test]
fn every_incident_is_the_cause_of_a_step() {
    let recording = recording();
    for index in 0..recording.scenario.incidents.len() {
        let caused = recording.steps.iter().find(|step| step.incident == Some(index));
        let caused = caused.unwrap_or_else(|| panic!("nothing came of incident {index}"));
        assert!(
            matches!(caused.kind, Kind::Write | Kind::Crash | Kind::Sleep),
            "{caused:?}"
        );
    }
}

#[test]
fn what_clients_and_log_hold_at_the_end_is_what_was_recorded_of_them() {
    let recording = recording();
    let changes = || recording.steps.iter().flat_map(|step| &step.changes);
    let cursor = |of: usize| {
        changes().rev().find_map(|change| match change {
            Change::Cursor {
                client,
                repository: 0,
                after,
                ..
            } if *client == of => Some(*after),
            _ => None,
        })
    };
    let log: Vec<&str> = changes()
        .filter_map(|change| match change {
            Change::Log {
                repository: 0, record, ..
            } => Some(record.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(log, ["a", "b", "c"]);
    assert_eq!((cursor(0), cursor(1)), (Some(3), Some(3)));
}

#[test]
fn work_connections_and_messages_come_to_an_end() {
    let recording = recording();
    assert!(recording.work.iter().all(|work| work.ended.is_some()));
    let pushes = recording
        .messages
        .iter()
        .filter(|message| message.label.starts_with("push"));
    assert!(pushes.clone().count() >= 3 && pushes.clone().all(|push| push.arrived.or(push.lost).is_some()));
    // Both clients and their sessions after the two crashes: what is open at the end is open on both sides.
    let open = recording.links.iter().filter(|link| link.client_closed.is_none());
    assert_eq!(open.clone().count(), 2);
    assert!(
        open.clone()
            .all(|link| link.connected.is_some() && link.server_closed.is_none())
    );
}

fn options(record: bool) -> Options {
    Options {
        record,
        ..Options::default()
    }
}
