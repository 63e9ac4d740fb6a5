//! A client that is killed at any point of a write, an ack or a pull starts again with its records, its cursor and its
//! outbox agreeing, and ends where it would have ended.
//!
//! The process ends at the n-th request to its storage, for every n, before the request is carried out and after it. The
//! storage is what outlives it: an SQLite file as a killed process leaves it, and the memory's. What the disk holds is
//! judged before the next process is started, by folds of the log of their own.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod application;
mod check;
mod disk;
mod model;
mod process;
mod scenario;
mod server;
mod world;

use application::Application;
use disk::{Kill, Kind, Moment};
use driftless::core::client::{LastWriteWins, MergeFields, Policy, ServerOrder};
use model::Rule;
use server::Server;
use std::sync::Arc;
use world::{Pace, World};

const PACES: [Pace; 3] = [Pace::FastDisk, Pace::FastNetwork, Pace::Even];

const MOMENTS: [Moment; 2] = [Moment::Before, Moment::After];

/// Runs the scenario with these kills, one for each process; says how many of them there were.
fn run(kind: Kind, rule: Rule, pace: Pace, kills: &[Kill]) -> usize {
    let policy: Arc<dyn Policy> = match rule {
        Rule::ServerOrder => Arc::new(ServerOrder),
        Rule::LastWriteWins => Arc::new(LastWriteWins),
        Rule::MergeFields => Arc::new(MergeFields),
    };
    let mut world = World::new(Server::new(&["notes", "tasks"]), kind, policy, pace);
    let mut application = Application::default();
    application.run(&mut world, &scenario::steps(), kills, |application, world| {
        check::agrees(application, world, rule);
    });
    check::is_complete(&application, &mut world, rule);
    application.kills
}

/// Kills at every point, each in a run of its own; the processes behind it are killed as `then` says. Says how many
/// points there were.
fn every_point(kind: Kind, rule: Rule, pace: Pace, then: &[Kill]) -> usize {
    let mut points = 0;
    for answered in 0.. {
        for moment in MOMENTS {
            let kill = Kill { answered, moment };
            // Shown if the run fails.
            println!("{kind:?}, {rule:?}, {pace:?}: {kill:?}, then {then:?}");
            if run(kind, rule, pace, &[&[kill], then].concat()) == 0 {
                assert!(points > 300, "the scenario is too short: {points}");
                println!("{kind:?}, {rule:?}, {pace:?}: killed at {points} points, then at {then:?}");
                return points;
            }
            points += 1;
        }
    }
    unreachable!("a scenario ends")
}

#[test]
fn a_file_survives_a_kill_at_every_point() {
    every_point(Kind::Sqlite, Rule::MergeFields, Pace::Even, &[]);
}

#[test]
fn a_file_survives_a_kill_at_every_point_before_frames_arrive() {
    every_point(Kind::Sqlite, Rule::ServerOrder, Pace::FastDisk, &[]);
}

#[test]
fn a_file_survives_a_kill_at_every_point_after_frames_arrived() {
    every_point(Kind::Sqlite, Rule::LastWriteWins, Pace::FastNetwork, &[]);
}

fn memory_survives(rule: Rule) {
    for pace in PACES {
        every_point(Kind::Memory, rule, pace, &[]);
    }
}

#[test]
fn server_order_survives_a_kill_at_every_point() {
    memory_survives(Rule::ServerOrder);
}

#[test]
fn last_write_wins_survives_a_kill_at_every_point() {
    memory_survives(Rule::LastWriteWins);
}

#[test]
fn merged_fields_survive_a_kill_at_every_point() {
    memory_survives(Rule::MergeFields);
}

#[test]
fn a_start_after_a_kill_survives_kills_too() {
    for (answered, moment) in [
        (0, Moment::After),
        (1, Moment::After),
        (2, Moment::Before),
        (4, Moment::After),
    ] {
        let again = Kill { answered, moment };
        every_point(Kind::Memory, Rule::MergeFields, Pace::Even, &[again, again]);
    }
}

#[test]
fn a_storage_that_keeps_parts_of_transactions_is_noticed() {
    let (rule, pace, moment) = (Rule::MergeFields, Pace::Even, Moment::Torn);
    let mut noticed = 0;
    for answered in 0.. {
        let kill = Kill { answered, moment };
        match std::panic::catch_unwind(|| run(Kind::Memory, rule, pace, &[kill])) {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) => noticed += 1,
        }
    }
    println!("{noticed} torn transactions were noticed");
    assert!(noticed > 40, "only {noticed}");
}
