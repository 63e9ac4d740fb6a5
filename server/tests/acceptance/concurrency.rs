//! Everyone sees one order.

use crate::support::event::{assert_dense, upsert};
use crate::support::{Peer, Server};
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;

const CONNECTIONS: u64 = 20;
const EVENTS_EACH: u64 = 200;
const EVENTS: u64 = CONNECTIONS * EVENTS_EACH;

#[test]
fn twenty_connections_at_the_same_instant_make_one_order_for_every_listener() {
    let server = Server::start();
    let address = server.address;
    let start = Barrier::new(usize::try_from(CONNECTIONS).unwrap());
    let mut listeners: Vec<Peer> = (0..6).map(|number| listener(address, number % 2 == 0)).collect();
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let start = &start;
            scope.spawn(move || push_singly(address, connection, start));
        }
        for listener in &mut listeners {
            scope.spawn(|| {
                let events = listener.events_up_to("shared", EVENTS);
                assert_eq!(events.len() as u64, EVENTS);
                assert_dense(1, &events);
            });
        }
    });
}

fn listener(address: SocketAddr, extended: bool) -> Peer {
    if !extended {
        return Peer::plain(address);
    }
    let mut peer = Peer::extended(address);
    peer.subscribe("shared", 0);
    peer.expect("sync_complete");
    peer
}

/// Half of the connections are plain, so that their own events come back to them between the acks.
fn push_singly(address: SocketAddr, connection: u64, start: &Barrier) {
    let mut peer = if connection.is_multiple_of(2) {
        Peer::extended(address)
    } else {
        Peer::plain(address)
    };
    start.wait();
    for number in 0..EVENTS_EACH {
        let event = upsert(&format!("{connection}-{number}"), "one-record", "{}");
        peer.send(&format!(
            r#"{{"type":"push_event","repository":"shared","event":{event}}}"#
        ));
    }
    let mut last = 0;
    for number in 0..EVENTS_EACH {
        let ack = peer.skip_to("ack");
        assert_eq!(ack.event_ids, [format!("{connection}-{number}")]);
        let sequence = ack.sequences["shared"][&ack.event_ids[0]];
        assert!(sequence > last, "sequence {sequence} after {last}");
        last = sequence;
    }
}
