//! Servers for the laws: they do what PROTOCOL.md says, slowly and one frame at a time.

use super::*;
use alloc::collections::BTreeMap;
use serde_json::Value;

/// An event of the log, without its sequence.
#[derive(Clone, Debug)]
pub(super) struct Logged {
    pub(super) id: String,
    pub(super) record: String,
    body: String,
}

impl Logged {
    pub(super) fn text(&self, sequence: usize) -> String {
        let body = self.body.strip_suffix('}').expect("an event is an object");
        format!("{body},\"serverSequence\":{sequence}}}")
    }

    pub(super) fn read(body: &str) -> Self {
        let value: Value = serde_json::from_str(body).unwrap();
        let field = |name: &str| value[name].as_str().unwrap().to_string();
        Self {
            id: field("_event_id"),
            record: field("_data_id"),
            body: body.to_string(),
        }
    }
}

/// A server with the log of `notes` and one connection.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) log: Vec<Logged>,
    ids: BTreeMap<String, usize>,
    plain: bool,
    /// The stream's position and `ref`, and whether the head was reached.
    stream: Option<(usize, u64, bool)>,
    /// Answers that were not delivered.
    answers: VecDeque<String>,
    /// Live events of a plain server that were not delivered.
    live: VecDeque<String>,
    /// The next pushes are refused: for now or for good.
    pub(super) refuse: Option<bool>,
    /// A refused event that has to come again before others.
    hold: Option<String>,
    pub(super) rejected: Vec<String>,
}

/// A plain server answers a pull with at most so many events.
const PLAIN_LIMIT: usize = 3;

impl Server {
    pub(super) fn plain() -> Self {
        Self {
            plain: true,
            ..Self::default()
        }
    }

    /// Where an event stands in the log.
    pub(super) fn sequence_of(&self, id: &str) -> Option<usize> {
        self.ids.get(id).copied()
    }

    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    pub(super) fn cut(&mut self) {
        self.stream = None;
        self.answers.clear();
        self.live.clear();
        self.hold = None;
    }

    /// Stores an event; its sequence.
    pub(super) fn append(&mut self, body: &str) -> usize {
        let logged = Logged::read(body);
        if let Some(sequence) = self.ids.get(&logged.id).copied() {
            if self.plain {
                self.broadcast(sequence);
            }
            return sequence;
        }
        self.ids.insert(logged.id.clone(), self.log.len() + 1);
        self.log.push(logged);
        if self.plain {
            self.broadcast(self.log.len());
        }
        self.log.len()
    }

    fn broadcast(&mut self, sequence: usize) {
        let event = self.log[sequence - 1].text(sequence);
        self.live.push_back(plain_events(&[event]));
    }

    pub(super) fn handle(&mut self, frame: &str) {
        let value: Value = serde_json::from_str(frame).unwrap();
        match value["type"].as_str().unwrap() {
            "auth" if self.plain => self.answers.push_back(r#"{"type":"auth_success"}"#.into()),
            "auth" => self.answers.push_back(AUTH_SUCCESS.into()),
            "ping" => self.answers.push_back(r#"{"type":"pong"}"#.into()),
            "subscribe" => self.subscribe(&value),
            "request_events" => self.pull(usize::try_from(value["afterSequence"].as_u64().unwrap()).unwrap()),
            "push_event" => self.push(&[value["event"].to_string()]),
            "push_events_batch" => {
                let events = value["events"].as_array().unwrap();
                self.push(&events.iter().map(Value::to_string).collect::<Vec<_>>());
            }
            _ => {}
        }
    }

    fn subscribe(&mut self, value: &Value) {
        let (position, reference) = (&value["repositories"]["notes"], value["ref"].as_u64().unwrap());
        let after = usize::try_from(position["afterSequence"].as_u64().unwrap()).unwrap();
        let seen = position["seen"].as_array().is_none_or(|seen| {
            let at = usize::try_from(seen[0].as_u64().unwrap()).unwrap();
            self.log.get(at - 1).is_some_and(|logged| seen[1] == *logged.id)
        });
        self.stream = (seen && after <= self.log.len()).then_some((after, reference, false));
        if self.stream.is_none() {
            self.answers.push_back(format!(
                r#"{{"type":"history_changed","repository":"notes","epoch":"e1","ref":{reference}}}"#
            ));
        }
    }

    /// The store is put back to where it had so many events less.
    pub(super) fn restore(&mut self, less: usize) {
        self.log.truncate(self.log.len().saturating_sub(less));
        let left = self.log.len();
        self.ids.retain(|_, sequence| *sequence <= left);
    }

    fn push(&mut self, bodies: &[String]) {
        let refuse = self.refuse.take();
        if self.plain && refuse.is_some() {
            self.answers
                .push_back(r#"{"type":"error","message":"Failed to push"}"#.into());
            return;
        }
        for body in bodies {
            let id = Logged::read(body).id;
            let held = self.hold.as_ref().is_some_and(|hold| *hold != id);
            if refuse == Some(true) || held {
                self.hold.get_or_insert_with(|| id.clone());
                let code = r#""code":"store_unavailable","retryable":true"#;
                self.answers.push_back(error(code, &id));
            } else if refuse == Some(false) && !self.ids.contains_key(&id) {
                self.hold = None;
                self.rejected.push(id.clone());
                self.answers
                    .push_back(error(r#""code":"forbidden","retryable":false"#, &id));
            } else {
                self.hold = None;
                let sequence = self.append(body);
                let plain = format!(r#"{{"type":"ack","eventIds":["{id}"],"repositories":{{"notes":["{id}"]}}}}"#);
                self.answers
                    .push_back(if self.plain { plain } else { ack(&id, sequence as u64) });
            }
        }
    }

    /// The newest events of records, not all of them.
    fn pull(&mut self, after: usize) {
        let mut newest: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, logged) in self.log.iter().enumerate() {
            newest.insert(&logged.record, index + 1);
        }
        let mut found: Vec<usize> = newest.into_values().filter(|sequence| *sequence > after).collect();
        found.sort_unstable();
        found.truncate(PLAIN_LIMIT);
        let events: Vec<String> = found
            .iter()
            .map(|sequence| self.log[sequence - 1].text(*sequence))
            .collect();
        if !events.is_empty() {
            self.answers.push_back(plain_events(&events));
        }
        self.answers
            .push_back(r#"{"type":"sync_complete","repository":"notes"}"#.into());
    }

    /// The next answer.
    pub(super) fn answer(&mut self) -> Option<String> {
        self.answers.pop_front()
    }

    /// The next frame of the stream, with at most `max` events.
    pub(super) fn next_stream(&mut self, max: usize) -> Option<String> {
        if self.plain {
            return self.live.pop_front();
        }
        let (position, reference, complete) = self.stream.as_mut()?;
        let end = (*position + max.max(1)).min(self.log.len());
        if end == *position {
            let was_complete = core::mem::replace(complete, true);
            return (!was_complete)
                .then(|| format!(r#"{{"type":"sync_complete","repository":"notes","ref":{reference}}}"#));
        }
        let events: Vec<String> = (*position..end).map(|index| self.log[index].text(index + 1)).collect();
        let frame = stream(*position as u64, end as u64, &events);
        *position = end;
        Some(frame)
    }
}

fn error(code: &str, id: &str) -> String {
    format!(r#"{{"type":"error","message":"No.",{code},"repository":"notes","eventIds":["{id}"]}}"#)
}
