//! Every arrow of the connection's state diagram.

use crate::client_host::repository;
use crate::world::World;
use driftless_core::client::{Blocked, ClientCredentials, ClientInput, ConnectionState, Notice};
use driftless_core::event::EventId;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The names of the states that the application was told since the last call.
fn states(world: &mut World, client: usize) -> Vec<String> {
    let name = |state: ConnectionState| match state {
        ConnectionState::Offline { retry_in } => match retry_in {
            Some(delay) => format!("offline {delay:?}"),
            None => "offline".into(),
        },
        ConnectionState::Connecting => "connecting".into(),
        ConnectionState::Authenticating => "authenticating".into(),
        ConnectionState::CatchingUp => "catching up".into(),
        ConnectionState::Live => "live".into(),
        ConnectionState::AuthenticationFailed { message } => format!("refused: {message}"),
    };
    let states = world.clients[client].states().into_iter().map(name).collect();
    world.clients[client].notices.clear();
    states
}

fn live(world: &mut World) -> usize {
    let client = world.add_client(&["users"]);
    world.start(client);
    world.run_for(SECOND);
    assert_eq!(
        states(world, client),
        ["connecting", "authenticating", "catching up", "live"]
    );
    client
}

fn credentials(token: &str) -> ClientCredentials {
    ClientCredentials {
        token: Some(token.into()),
        ..ClientCredentials::default()
    }
}

#[test]
fn a_client_connects_authenticates_catches_up_and_is_live() {
    let mut world = World::new();
    let client = live(&mut world);
    let machine = world.clients[client].machine.as_ref().unwrap();
    assert_eq!(machine.connection(), &ConnectionState::Live);
    assert_eq!(machine.blocked(), None);
}

#[test]
fn a_refused_connection_is_tried_again_after_a_delay() {
    let mut world = World::new();
    world.reachable = false;
    let client = world.add_client(&["users"]);
    world.start(client);
    world.run_for(SECOND);
    assert_eq!(states(&mut world, client), ["connecting", "offline 3s"]);
    assert_eq!(
        world.clients[client].machine.as_ref().unwrap().blocked(),
        None,
        "there is nothing to block"
    );
    world.upsert(client, "users", "alice", "{}");
    world.run_for(SECOND);
    let blocked = world.clients[client].machine.as_ref().unwrap().blocked();
    assert_eq!(blocked, Some(Blocked::Offline));
    world.reachable = true;
    world.run_for(2 * SECOND);
    assert_eq!(
        states(&mut world, client),
        ["connecting", "authenticating", "catching up", "live"]
    );
}

#[test]
fn a_connection_that_does_not_open_is_given_up() {
    let mut world = World::new();
    world.connects_hang = true;
    let client = world.add_client(&["users"]);
    world.start(client);
    world.run_for(2 * SECOND);
    assert_eq!(states(&mut world, client), ["connecting", "offline 3s"]);
}

#[test]
fn an_auth_that_is_not_answered_is_given_up() {
    let mut world = World::new();
    world.auth_hangs = true;
    let client = world.add_client(&["users"]);
    world.start(client);
    world.run_for(2 * SECOND);
    assert_eq!(
        states(&mut world, client),
        ["connecting", "authenticating", "offline 3s"]
    );
    world.auth_hangs = false;
    world.run_for(4 * SECOND);
    assert_eq!(
        states(&mut world, client),
        ["connecting", "authenticating", "catching up", "live"]
    );
}

#[test]
fn refused_credentials_wait_for_others() {
    let mut world = World::new();
    let client = world.add_client(&["users"]);
    world.clients[client].config.credentials = credentials("bad");
    world.start(client);
    world.upsert(client, "users", "alice", "{}");
    world.run_for(100 * SECOND);
    let blocked = world.clients[client].machine.as_ref().unwrap().blocked();
    assert_eq!(blocked, Some(Blocked::Credentials("the token is not known".into())));
    assert_eq!(
        states(&mut world, client),
        ["connecting", "authenticating", "refused: the token is not known"]
    );
    world.input(client, ClientInput::Credentials(credentials("good")));
    world.converge(&["users"], SECOND);
    let states = states(&mut world, client);
    assert_eq!(states.last().map(String::as_str), Some("live"), "{states:?}");
}

#[test]
fn forbidden_connections_wait_for_other_credentials_too() {
    let mut world = World::new();
    let client = world.add_client(&["users"]);
    world.clients[client].config.credentials = credentials("forbidden");
    world.start(client);
    world.run_for(SECOND);
    let states = states(&mut world, client);
    assert!(
        states.last().is_some_and(|state| state.starts_with("refused: ")),
        "{states:?}"
    );
}

#[test]
fn a_silent_server_is_noticed_by_the_heartbeat() {
    let mut world = World::new();
    let client = live(&mut world);
    world.freeze_client(client);
    world.run_for(33 * SECOND);
    assert_eq!(states(&mut world, client), ["offline 3s"]);
    world.run_for(3 * SECOND);
    assert_eq!(
        states(&mut world, client),
        ["connecting", "authenticating", "catching up", "live"]
    );
    // The server notices the dead connection by itself.
    world.run_for(100 * SECOND);
    assert_eq!(world.server.as_ref().unwrap().sessions.len(), 1);
}

#[test]
fn a_quiet_connection_stays_up() {
    let mut world = World::new();
    let client = live(&mut world);
    world.run_for(1_000 * SECOND);
    assert_eq!(states(&mut world, client), [""; 0]);
    assert_eq!(world.links.len(), 1);
}

#[test]
fn a_stopping_server_is_left_and_found_again() {
    let mut world = World::new();
    let client = live(&mut world);
    world.shut_down();
    world.reachable = false;
    world.run_for(SECOND);
    assert!(world.server.as_ref().unwrap().sessions.is_empty());
    assert_eq!(states(&mut world, client), ["offline 3s"]);
    world.reachable = true;
    world.run_for(3 * SECOND);
    assert_eq!(
        states(&mut world, client),
        ["connecting", "authenticating", "catching up", "live"]
    );
}

#[test]
fn a_cut_while_catching_up_starts_again() {
    let mut world = World::new();
    let client = world.add_client(&["users"]);
    world.start(client);
    world.run_until(SECOND, "catching up", |world| {
        world.clients[client].states().last() == Some(&ConnectionState::CatchingUp)
    });
    world.cut_client(client);
    world.run_for(4 * SECOND);
    let states = states(&mut world, client);
    let again = ["offline 3s", "connecting", "authenticating", "catching up", "live"];
    assert_eq!(&states[3..], again);
}

#[test]
fn a_resync_is_behind_again_and_then_live() {
    let mut world = World::new();
    let client = live(&mut world);
    world.upsert(client, "users", "alice", "{}");
    world.converge(&["users"], SECOND);
    world.clients[client].notices.clear();
    let users = repository("users");
    world.input(client, ClientInput::Resync { repository: users });
    world.run_for(SECOND);
    assert_eq!(states(&mut world, client), ["catching up", "live"]);
    world.converge(&["users"], SECOND);
}

#[test]
fn a_stopped_client_asks_for_nothing_more() {
    let mut world = World::new();
    let client = live(&mut world);
    world.input(client, ClientInput::Stop);
    world.run_for(100 * SECOND);
    assert_eq!(states(&mut world, client), ["offline"]);
    assert!(world.links.is_empty());
    world.upsert(client, "users", "alice", "{}");
    world.run_for(SECOND);
    let refused = |notice: &Notice| matches!(notice, Notice::Written { result: Err(_), .. });
    assert_eq!(world.clients[client].told(refused), 1);
}

#[test]
fn a_waiting_reconnect_happens_now_when_the_network_is_back() {
    let mut world = World::new();
    let client = live(&mut world);
    world.cut_client(client);
    world.run_for(SECOND);
    world.input(client, ClientInput::Connectivity(true));
    world.run_for(SECOND);
    assert_eq!(
        states(&mut world, client),
        ["offline 3s", "connecting", "authenticating", "catching up", "live"]
    );
}

#[test]
fn delays_double_and_stay_under_their_cap() {
    let mut world = World::new();
    world.reachable = false;
    let client = world.add_client(&["users"]);
    world.start(client);
    world.run_for(600 * SECOND);
    let delays = world.clients[client]
        .states()
        .into_iter()
        .filter_map(|state| match state {
            ConnectionState::Offline { retry_in } => retry_in,
            _ => None,
        });
    let delays: Vec<_> = delays.collect();
    assert_eq!(delays[0], 3 * SECOND);
    assert!(delays.iter().all(|delay| *delay <= 60 * SECOND), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay > 6 * SECOND), "{delays:?}");
    assert!(delays.len() > 10, "{delays:?}");
}

#[test]
fn expired_credentials_can_be_replaced_on_the_live_connection() {
    let mut world = World::new();
    let client = world.add_client(&["users"]);
    world.clients[client].config.credentials = credentials("expiring");
    world.start(client);
    world.run_for(61 * SECOND);
    let needed = |notice: &Notice| matches!(notice, Notice::CredentialsNeeded { .. });
    assert_eq!(world.clients[client].told(needed), 1);
    world.clients[client].notices.clear();
    world.input(client, ClientInput::Credentials(credentials("good")));
    world.upsert(client, "users", "alice", "{}");
    world.converge(&["users"], SECOND);
    world.run_for(100 * SECOND);
    let acked: Vec<EventId> = world.clients[client].acked();
    assert_eq!(acked, world.ids("users"));
    assert_eq!(world.links.len(), 1);
}

#[test]
fn an_authenticator_that_cannot_be_reached_is_asked_again() {
    let mut world = World::new();
    let client = world.add_client(&["users"]);
    world.clients[client].config.credentials = credentials("unavailable");
    world.start(client);
    world.run_for(SECOND);
    assert_eq!(
        states(&mut world, client),
        ["connecting", "authenticating", "offline 3s"]
    );
    world.run_for(3 * SECOND);
    assert_eq!(states(&mut world, client)[..2], ["connecting", "authenticating"]);
}

#[test]
fn credentials_that_stay_expired_end_the_connection() {
    let mut world = World::new();
    let client = world.add_client(&["users"]);
    world.clients[client].config.credentials = credentials("expiring");
    world.start(client);
    world.run_for(2 * SECOND);
    world.clients[client].notices.clear();
    world.run_for(100 * SECOND);
    let states = states(&mut world, client);
    assert!(
        states.first().is_some_and(|state| state.starts_with("refused: ")),
        "{states:?}"
    );
}
