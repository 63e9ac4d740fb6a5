//! Inputs in any order, sensible or not.

use super::bench::{Bench, event, limits, log, repository};
use crate::server::hub::HubInput;
use crate::server::{Committed, ConnectionId, HubRequest, Peer, RequestKind, ServerLimits, StoreFailure};
use alloc::format;
use core::time::Duration;
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_input_in_any_order_is_a_panic(inputs in prop::collection::vec(any_input(), 0..200)) {
        let mut bench = Bench::new(ServerLimits { page_bytes: 300, stream_bytes: 600, streams: 2, requests: 1, ..limits() });
        bench.fast = false;
        for (input, millis) in inputs {
            bench.now = bench.now + Duration::from_millis(millis);
            bench.input(input);
        }
        for connection in 0..3 {
            bench.ask(connection, HubRequest::Detach);
        }
        bench.settle();
        bench.leave_nothing();
    }
}

fn any_input() -> impl Strategy<Value = (HubInput, u64)> {
    let name = prop_oneof![Just("a"), Just("b"), Just("c")];
    let request = prop_oneof![
        (any::<bool>(), any::<bool>()).prop_map(|(plain, all)| attach(plain, all)),
        Just(HubRequest::Reset),
        Just(HubRequest::Detach),
        (0..4u8, name.clone(), 1..4usize).prop_map(|(id, name, count)| push(id, name, count)),
        (name.clone(), 0..4u8).prop_map(|(name, id)| HubRequest::Hold {
            log: log(name),
            event: event(&format!("{id}")).id
        }),
        (name.clone(), 0..4u8).prop_map(|(name, id)| HubRequest::Release {
            log: log(name),
            events: [event(&format!("{id}")).id].into()
        }),
        (name.clone(), 0..5u64, prop::option::of(0..3u64)).prop_map(|(name, after, limit)| {
            let kind = if after == 4 { RequestKind::All } else { one(name, after) };
            HubRequest::Read(crate::server::Read {
                reference: None,
                kind,
                limit,
            })
        }),
        (name.clone(), 0..5u64).prop_map(|(name, after)| subscribe(name, after)),
        name.clone().prop_map(|name| HubRequest::Unsubscribe {
            repositories: [repository(name)].into()
        }),
        (0..2_000usize).prop_map(|bytes| HubRequest::Flushed { bytes }),
    ];
    let session = (0..3u64, request).prop_map(|(id, request)| HubInput::Session {
        connection: ConnectionId(id),
        request,
    });
    let page = (0..40u64, 0..5u64, 0..4usize, 0..6u64)
        .prop_map(|(read, first, count, head)| page_read(read, first, count, head));
    let input = prop_oneof![
        6 => session,
        4 => page,
        1 => (0..20u64, 0..4usize).prop_map(|(append, count)| appended(append, count)),
        1 => (0..40u64, any::<bool>()).prop_map(|(read, ok)| listed(read, ok)),
        2 => (name, 0..6u64, 0..4usize).prop_map(|(name, first, count)| committed(name, first, count)),
        1 => Just(HubInput::Tick),
    ];
    (input, 0..400u64)
}

fn attach(plain: bool, all: bool) -> HubRequest {
    let mut rights = crate::server::Rights::all();
    if !all {
        rights.read = crate::server::Access::Only([repository("a")].into());
    }
    HubRequest::Attach {
        namespace: crate::name::Namespace::default(),
        peer: if plain { Peer::Plain } else { Peer::Extended },
        rights: alloc::sync::Arc::new(rights),
    }
}

fn push(id: u8, name: &str, count: usize) -> HubRequest {
    let events = (0..count).map(|n| event(&format!("{}", usize::from(id) + n))).collect();
    HubRequest::Push {
        push: crate::server::PushId(id.into()),
        log: log(name),
        events,
    }
}

fn one(name: &str, after: u64) -> RequestKind {
    RequestKind::One {
        repository: repository(name),
        after: crate::event::Sequence::new(after),
        since: None,
    }
}

fn subscribe(name: &str, after: u64) -> HubRequest {
    HubRequest::Subscribe(crate::server::Subscription {
        reference: None,
        epoch: None,
        repositories: [(repository(name), super::bench::seen(after, "a1"))].into(),
    })
}

fn batch(first: u64, count: usize) -> crate::event::EventBatch {
    let mut batch = crate::event::EventBatchBuilder::new(crate::event::Sequence::new(first));
    for n in 0..count {
        batch.append(&event(&format!("x{n}")));
    }
    batch.build()
}

fn page_read(read: u64, first: u64, count: usize, head: u64) -> HubInput {
    let page = crate::server::Page {
        events: batch(first, count),
        head: crate::event::Sequence::new(head),
    };
    let detail = "disk".into();
    HubInput::PageRead {
        read: crate::server::ReadId(read),
        result: if head == 5 {
            Err(StoreFailure { detail })
        } else {
            Ok(page)
        },
    }
}

fn appended(append: u64, count: usize) -> HubInput {
    let outcome = crate::server::AppendOutcome::Stored(crate::event::Sequence::new(1));
    HubInput::Appended {
        append: crate::server::AppendId(append),
        result: Ok(crate::server::Appended {
            outcomes: alloc::vec![outcome; count],
        }),
    }
}

fn listed(read: u64, ok: bool) -> HubInput {
    let detail = "disk".into();
    let names = ["a", "b"].map(repository).into();
    HubInput::Repositories {
        read: crate::server::ReadId(read),
        result: if ok { Ok(names) } else { Err(StoreFailure { detail }) },
    }
}

fn committed(name: &str, first: u64, count: usize) -> HubInput {
    let events = alloc::sync::Arc::new(batch(first, count));
    HubInput::Committed(Committed { log: log(name), events })
}
