//! Connections that are cut, stand still, do not open or overlap.

use super::{MILLIS, SECOND, calm, passes, survives};
use crate::fault::Fault;
use crate::random::Delay;
use crate::scenario::{Incident, Way, What, When};

fn cut(client: usize, arrives: u64, client_told: bool, server_told: bool) -> What {
    What::Cut {
        client,
        arrives,
        client_told,
        server_told,
    }
}

#[test]
fn a_cut_loses_nothing_whoever_is_told_of_it() {
    for (client_told, server_told) in [(true, true), (true, false), (false, true), (false, false)] {
        for arrives in [0, 50, 100] {
            let what = cut(1, arrives, client_told, server_told);
            let outcome = survives(&[(5 * SECOND, what)], Fault::Cut);
            assert_eq!(outcome.events, 150);
        }
    }
}

#[test]
fn a_cut_right_behind_a_frame_loses_nothing() {
    for frame in 3..9 {
        for when in [When::ClientFrame(1, frame), When::ServerFrame(1, frame)] {
            let mut scenario = calm(2);
            scenario.add_writes();
            let what = cut(1, 50, true, true);
            scenario.incidents.push(Incident { when, what });
            let outcome = passes(&scenario);
            assert_eq!((outcome.events, outcome.fired.times(Fault::Cut)), (100, 1), "{when:?}");
        }
    }
}

#[test]
fn what_stands_still_goes_on() {
    assert_eq!(
        survives(&[(5 * SECOND, What::Stall(1, 4 * SECOND))], Fault::Stall).events,
        150
    );
    for way in [Way::Up, Way::Down] {
        let what = What::Partition(1, way, 60 * SECOND);
        assert_eq!(survives(&[(5 * SECOND, what)], Fault::OneWayPartition).events, 150);
    }
    let what = What::NotReading(1, 8 * SECOND);
    assert_eq!(survives(&[(5 * SECOND, what)], Fault::SlowReader).events, 150);
}

#[test]
fn connects_that_fail_or_hang_are_tried_again() {
    let cut = |at| (at, cut(1, 100, true, true));
    let refuse = (4 * SECOND, What::RefuseConnects(1, 8 * SECOND));
    survives(&[refuse, cut(5 * SECOND)], Fault::ConnectRefused);
    let hang = (4 * SECOND, What::HangConnects(1, 8 * SECOND));
    survives(&[hang, cut(5 * SECOND)], Fault::ConnectHangs);
}

#[test]
fn a_narrow_link_with_jitter_is_slow_and_loses_nothing() {
    let mut scenario = calm(3);
    scenario.add_writes();
    scenario.network.bandwidth = Some(20_000);
    scenario.network.socket_bytes = 2_000;
    scenario.network.latency = Delay::LongTail(20 * MILLIS);
    assert_eq!(passes(&scenario).events, 150);
}

#[test]
fn what_an_old_connection_has_brought_may_come_when_the_next_one_is_open() {
    let late = |seed| {
        let mut scenario = calm(3);
        scenario.seed = seed;
        scenario.add_writes();
        let (when, what) = (When::ClientFrame(1, 1), What::NotReading(1, 2 * SECOND));
        scenario.incidents.push(Incident { when, what });
        passes(&scenario).fired.times(Fault::LateFrame)
    };
    assert!((0..8).map(late).sum::<u64>() > 2);
}
