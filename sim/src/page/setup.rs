//! What is around the incidents of a scenario, in words.

use crate::random::Delay;
use crate::scenario::{ClientKind, ClientPlan, ClockPlan, Scenario, ServerKind};
use std::time::Duration;

/// Names and what is said of them.
pub(super) fn lines(scenario: &Scenario) -> Vec<(&'static str, String)> {
    let mut lines = vec![("server", server(scenario)), ("network", network(scenario))];
    lines.extend(
        scenario
            .clients
            .iter()
            .enumerate()
            .map(|(index, plan)| ("client", client(index, plan))),
    );
    lines.push(("faults end", format!("after {}", micros(scenario.heal_at))));
    lines.push((
        "then equal and idle",
        format!("within {}", micros(scenario.settle_within)),
    ));
    let faults: Vec<_> = scenario.faults.iter().map(|fault| fault.name()).collect();
    lines.push((
        "allowed faults",
        if faults.is_empty() {
            "none".into()
        } else {
            faults.join(", ")
        },
    ));
    lines
}

fn server(scenario: &Scenario) -> String {
    let plan = &scenario.server;
    let mut parts = Vec::new();
    if plan.kind == ServerKind::Published {
        parts.push("the published one".into());
    }
    if plan.tiny_limits {
        parts.push("tiny limits".into());
    }
    parts.push(format!("{} appends at once", plan.lanes));
    for (name, time) in [
        ("commit", plan.commit),
        ("read", plan.read),
        ("hop", plan.hop),
        ("auth", plan.auth),
    ] {
        parts.push(format!("{name} {}", delay(time)));
    }
    parts.extend(plan.token_valid.map(|time| format!("tokens last {}", micros(time))));
    parts.extend(clock(plan.clock));
    parts.join(", ")
}

fn network(scenario: &Scenario) -> String {
    let plan = &scenario.network;
    let mut parts = vec![
        format!("latency {}", delay(plan.latency)),
        format!("connect {}", delay(plan.connect)),
    ];
    parts.extend(plan.bandwidth.map(|bytes| format!("{bytes} bytes a second")));
    parts.push(format!("sockets of {} bytes", plan.socket_bytes));
    if plan.lossy_percent > 0 {
        parts.push(format!("{} % of messages vanish", plan.lossy_percent));
    }
    parts.join(", ")
}

fn client(index: usize, plan: &ClientPlan) -> String {
    let kind = match plan.kind {
        ClientKind::Driftless => "",
        ClientKind::Published => "the published one, ",
        ClientKind::OtherVersion => "of another version, ",
    };
    let joins = plan.joins_at.map_or("never joins by itself".into(), |at| {
        format!("joins after {}", micros(at))
    });
    let mut parts = vec![format!("{index}: {kind}{joins}"), format!("disk {}", delay(plan.disk))];
    if plan.tiny_limits {
        parts.push("tiny limits".into());
    }
    if plan.seed_spelling {
        parts.push("the seeds' spelling".into());
    }
    parts.extend(clock(plan.clock));
    parts.join(", ")
}

fn clock(plan: ClockPlan) -> Option<String> {
    let sleep = if plan.stops_asleep { ", stops asleep" } else { "" };
    let ClockPlan {
        offset_ms, drift_ppm, ..
    } = plan;
    (plan != ClockPlan::default()).then(|| format!("clock {offset_ms:+} ms, {drift_ppm:+} ppm{sleep}"))
}

fn delay(delay: Delay) -> String {
    match delay {
        Delay::Fixed(time) => micros(time),
        Delay::Uniform(from, to) => format!("{} to {}", micros(from), micros(to)),
        Delay::LongTail(median) => format!("around {}", micros(median)),
    }
}

fn micros(micros: u64) -> String {
    format!("{:?}", Duration::from_micros(micros))
}
