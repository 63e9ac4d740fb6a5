//! Whole traces of the main paths, as the host sees them.

use super::bench::{event, limits, log};
use crate::event::{EventBatchBuilder, Sequence};
use crate::machine::{Actions, Instant, Machine};
use crate::name::Namespace;
use crate::server::hub::{Hub, HubConfig, HubInput};
use crate::server::{
    AppendId, AppendOutcome, Appended, Committed, ConnectionId, HubRequest, Page, Peer, PushId, ReadId, Rights,
    Subscription,
};
use crate::wire::Epoch;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::Write;

fn trace(inputs: impl IntoIterator<Item = HubInput>) -> String {
    let mut hub = Hub::new(HubConfig {
        epoch: Epoch::new("e1").unwrap(),
        limits: limits(),
        lanes: 1,
    });
    let mut out = Actions::new();
    let mut trace = String::new();
    for input in inputs {
        hub.handle(Instant::ZERO, input, &mut out);
        for action in out.drain() {
            writeln!(trace, "{action:?}").unwrap();
        }
    }
    trace
}

fn session(request: HubRequest) -> HubInput {
    HubInput::Session {
        connection: ConnectionId(1),
        request,
    }
}

#[test]
fn a_push_travels_to_the_store_and_back_to_its_author() {
    let mut batch = EventBatchBuilder::new(Sequence::new(1));
    batch.append(&event("x"));
    let inputs = [
        session(HubRequest::Attach {
            namespace: Namespace::default(),
            peer: Peer::Extended,
            rights: Arc::new(Rights::all()),
        }),
        session(HubRequest::Subscribe(Subscription {
            reference: None,
            epoch: None,
            repositories: [(log("a").repository, super::bench::at(0))].into(),
        })),
        HubInput::PageRead {
            read: ReadId(1),
            result: Ok(Page {
                events: EventBatchBuilder::new(Sequence::new(1)).build(),
                head: Sequence::ZERO,
            }),
        },
        session(HubRequest::Push {
            push: PushId(1),
            log: log("a"),
            events: [event("x")].into(),
        }),
        HubInput::Committed(Committed {
            log: log("a"),
            events: Arc::new(batch.build()),
        }),
        HubInput::Appended {
            append: AppendId(1),
            result: Ok(Appended {
                outcomes: [AppendOutcome::Stored(Sequence::new(1))].into(),
            }),
        },
    ];
    insta::assert_snapshot!(trace(inputs));
}
