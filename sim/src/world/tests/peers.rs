//! Peers that are not ours.

use super::*;
use crate::world::{Options, run};

fn with_peers(server: ServerKind, kinds: &[ClientKind]) -> Scenario {
    let mut scenario = calm(2 + kinds.len());
    scenario.server.kind = server;
    for plan in &mut scenario.repositories {
        plan.policy = "server_order".into();
    }
    for (client, kind) in scenario.clients[2..].iter_mut().zip(kinds) {
        client.kind = *kind;
    }
    scenario.add_writes();
    scenario
}

fn outcome(scenario: &Scenario) -> Outcome {
    let outcome = run(scenario, &Policies::new(), &Options::default());
    assert_eq!(outcome.failure.as_ref().map(ToString::to_string), None);
    outcome
}

#[test]
fn published_clients_and_other_versions_get_and_store_everything() {
    let scenario = with_peers(
        ServerKind::Driftless,
        &[ClientKind::Published, ClientKind::OtherVersion],
    );
    let outcome = outcome(&scenario);
    assert_eq!(outcome.events, 4 * 50);
    assert_eq!(outcome.fired.times(Fault::PlainClient), 1);
    assert_eq!(outcome.fired.times(Fault::OtherVersion), 1);
}

#[test]
fn the_queue_of_a_published_client_outlives_cuts_and_crashes() {
    let mut scenario = with_peers(ServerKind::Driftless, &[ClientKind::Published]);
    for second in 1..8 {
        scenario.add(
            2 * second * SECOND,
            What::Cut {
                client: 2,
                arrives: second * 12,
                client_told: second % 2 == 0,
                server_told: second % 3 == 0,
            },
        );
    }
    scenario.add(5 * SECOND, What::Crash(2, 2 * SECOND));
    scenario.add(9 * SECOND, What::ServerCrash(SECOND));
    let outcome = outcome(&scenario);
    assert!(outcome.fired.times(Fault::PlainClient) > 3);
}

#[test]
fn our_clients_converge_at_a_published_server() {
    let mut scenario = with_peers(ServerKind::Published, &[ClientKind::Published]);
    for second in 1..8 {
        scenario.add(
            2 * second * SECOND,
            What::Cut {
                client: 0,
                arrives: second * 12,
                client_told: second % 2 == 0,
                server_told: true,
            },
        );
    }
    scenario.add(6 * SECOND, What::Crash(1, 2 * SECOND));
    scenario.add(9 * SECOND, What::ServerCrash(SECOND));
    let outcome = outcome(&scenario);
    assert!(outcome.fired.times(Fault::PlainServer) > 3);
}

#[test]
fn a_published_server_is_stopped_in_good_order() {
    let mut scenario = with_peers(ServerKind::Published, &[]);
    scenario.add(4 * SECOND, What::ServerRestart(SECOND));
    outcome(&scenario);
}

#[test]
fn a_plain_client_gives_up_a_connect_that_hangs() {
    let mut scenario = with_peers(
        ServerKind::Driftless,
        &[ClientKind::Published, ClientKind::OtherVersion],
    );
    for client in 2..4 {
        scenario.add(0, What::HangConnects(client, SECOND));
    }
    let outcome = outcome(&scenario);
    assert_eq!(outcome.fired.times(Fault::ConnectHangs), 2);
}
