//! What the applications write.

use super::{Change, ClientKind, ClientPlan, Incident, RepositoryPlan, What, When};
use crate::random::Random;
use std::fmt::Write as _;

/// Makes the changes of one write of a client, from numbers that belong to this write alone.
pub type Workload<'a> = dyn Fn(&mut Random, usize) -> Vec<Change> + Send + Sync + 'a;

impl Change {
    /// Makes or replaces a record: index of the repository, record id, data as JSON.
    pub fn upsert(repository: usize, record: &str, data: &str) -> Self {
        Self {
            repository,
            record: record.into(),
            data: Some(data.into()),
        }
    }

    /// Deletes a record.
    pub fn delete(repository: usize, record: &str) -> Self {
        Self {
            repository,
            record: record.into(),
            data: None,
        }
    }
}

/// The simulator's own workload: a few records, deleted and made again, with data of every shape.
pub(super) struct Mixed<'a> {
    /// Under which policies.
    pub(super) repositories: &'a [RepositoryPlan],
    /// Whether everyone writes to the same few records, or each to its own.
    pub(super) shared: bool,
    /// How many records a repository has, or a client in it.
    pub(super) records: u64,
}

impl Mixed<'_> {
    pub(super) fn changes(&self, random: &mut Random, client: usize) -> Vec<Change> {
        let count = if random.percent(18) { random.between(2, 6) } else { 1 };
        (0..count).map(|_| self.change(random, client)).collect()
    }

    fn change(&self, random: &mut Random, client: usize) -> Change {
        let repository = random.index(self.repositories.len());
        let record = random.below(self.records);
        let record = match (self.shared, record) {
            (true, 0) => "ä 🚲/0".into(),
            (true, record) => format!("r{record}"),
            (false, record) => format!("c{client}-r{record}"),
        };
        let deletes = if self.shared { 18 } else { 8 };
        if random.percent(deletes) {
            return Change::delete(repository, &record);
        }
        let policy = self
            .repositories
            .get(repository)
            .map_or("", |plan| plan.policy.as_str());
        Change::upsert(repository, &record, &data(random, policy))
    }
}

/// Data that fits a policy, most of the time.
fn data(random: &mut Random, policy: &str) -> String {
    match random.below(100) {
        0..3 => odd(random),
        3..5 => format!(r#"{{"long":"{}"}}"#, "Ä".repeat(random.index(4_000))),
        _ if policy == "tally" => format!(r#"{{"add":{}}}"#, random.below(1_000)),
        _ => fields(random),
    }
}

/// Not an object.
fn odd(random: &mut Random) -> String {
    let data = ["[]", r#""text""#, "17", "true", "[[1],{}]", "{}"];
    random.one_of(&data).map_or(String::new(), |data| String::from(*data))
}

/// Some of a few fields, so that two writers change the same ones at times.
fn fields(random: &mut Random) -> String {
    let mut text = String::from("{");
    for field in ["title", "done", "n", "ü \\u00fc", "nested"] {
        if random.percent(60) {
            let comma = if text.len() > 1 { "," } else { "" };
            // Writing to a string cannot fail.
            let _ = write!(text, r#"{comma}"{field}":{}"#, value(random));
        }
    }
    text + "}"
}

/// A value whose text has to come back byte for byte.
fn value(random: &mut Random) -> String {
    match random.below(9) {
        0 => random.number().to_string(),
        1 => format!("{}.0", random.below(10)),
        2 => format!("-{}.{:03}e{}", random.below(10), random.below(1_000), random.below(400)),
        3 => "12345678901234567890123456789".into(),
        4 => format!(r#""\u00e4 \"{}\" 漢字 🚲""#, random.below(100)),
        5 => format!(r#"{{"a":[1,{{"b":null}},{}],"A":{{}}}}"#, random.below(100)),
        6 => String::from(if random.percent(50) { "true" } else { "null" }),
        _ => format!(r#""text {}""#, random.below(1_000)),
    }
}

/// The data of a measured world: small and always alike in size.
pub(super) fn measured(random: &mut Random, client: usize) -> Vec<Change> {
    let record = format!("c{client}-r{}", random.below(100));
    let data = format!(r#"{{"title":"Buy milk","n":{}}}"#, random.below(1_000_000));
    vec![Change::upsert(0, &record, &data)]
}

/// Whether a client's application writes: a scripted peer has none.
fn writes(client: &ClientPlan) -> bool {
    client.kind != ClientKind::OtherVersion
}

/// So many writes of any client, each at a time that is drawn for it.
pub(super) fn drawn(
    seed: u64,
    count: u64,
    clients: &[ClientPlan],
    workload: &Workload<'_>,
    time: impl Fn(&mut Random) -> u64,
) -> Vec<Incident> {
    let writers: Vec<usize> = (0..clients.len()).filter(|client| writes(&clients[*client])).collect();
    let write = |number| {
        let mut random = Random::new(seed, "write", number);
        let (client, at) = (*random.one_of(&writers)?, time(&mut random));
        let what = What::Write(client, workload(&mut random, client));
        Some(Incident {
            when: When::At(at),
            what,
        })
    };
    (0..count).filter_map(write).collect()
}

/// Every client writes so many events, so far apart, none at the same time as another.
pub(super) fn steady(seed: u64, clients: usize, each: u64, apart: u64, workload: &Workload<'_>) -> Vec<Incident> {
    let mut incidents = Vec::new();
    for client in 0..clients {
        let mut random = Random::new(seed, "write", client as u64);
        let first = super::calendar::SECOND + random.below(apart);
        for number in 0..each {
            incidents.push(Incident {
                when: When::At(first + number * apart),
                what: What::Write(client, workload(&mut random, client)),
            });
        }
    }
    incidents
}
