//! What is checked on the states of a small world, against a fold of the log that is written here anew.

use super::world::World;
use crate::check::Invariant;
use bytestring::ByteString;
use driftless_core::client::{OwnState, State, StoredRecord};
use driftless_core::event::Sequence;
use driftless_core::server::ConnectionId;
use driftless_core::wire::{Ack, Events, ServerMessage, ServerReply};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// After anything of a client has become durable: its records are the fold of what its cursor has passed, and what
    /// it was told is written is in the outbox or in the log.
    pub(super) fn check_client(&mut self, index: usize) {
        if let Err((invariant, message)) = self.client_laws(index) {
            self.fail(invariant, format!("client {index}: {message}"));
        }
    }

    fn client_laws(&self, index: usize) -> Result<(), (Invariant, String)> {
        let (node, name) = (&self.clients[index], &self.fixed.repository);
        if let Some(law) = node.disk.broken_law() {
            return Err((Invariant::MachineContract, law.to_owned()));
        }
        let after = node.disk.cursor(name).map_or(Sequence::ZERO, |cursor| cursor.after);
        let log = self.server.store.log(name);
        if after > log.head() {
            let message = format!("its cursor is {after}, the log ends at {}", log.head());
            return Err((Invariant::DurableAck, message));
        }
        let confirmed = shown(node.disk.records(name), |record| record.confirmed.as_deref());
        let fold = self.fold(after);
        if confirmed != fold {
            let message = format!("up to {after} the log says {fold:?}, its confirmed records {confirmed:?}");
            return Err((Invariant::ExactlyOnceEffect, message));
        }
        for event in &node.written {
            let own = node.disk.own_event(name, event);
            let pending = own.is_some_and(|own| own.state == OwnState::Pending);
            if !pending && log.find(event).is_none() {
                return Err((
                    Invariant::NothingLost,
                    format!("{event} is neither in its outbox nor in the log"),
                ));
            }
        }
        Ok(())
    }

    /// A frame leaves the server: what it acks is durable, and its events go on where the last frame of the stream ended.
    pub(super) fn check_sent(&mut self, connection: ConnectionId, frame: &ByteString) {
        match ServerReply::decode(frame).map(|reply| reply.message) {
            Ok(ServerMessage::Ack(ack)) => self.check_ack(&ack),
            Ok(ServerMessage::Events(events)) => self.check_stream(connection, &events),
            Ok(ServerMessage::Error(error)) => {
                self.fail(Invariant::NothingLost, format!("the server refuses: {}", error.message));
            }
            Ok(_) => {}
            Err(error) => self.fail(Invariant::MachineContract, format!("a frame cannot be read: {error}")),
        }
    }

    fn check_ack(&mut self, ack: &Ack) {
        let log = self.server.store.log(&self.fixed.repository);
        let placed = ack.sequences.iter().flat_map(|(_, events)| events);
        let wrong = placed
            .filter(|(id, sequence)| log.find(id) != Some(*sequence))
            .map(|(id, _)| id);
        let lost = ack.event_ids.iter().filter(|id| log.find(id).is_none());
        if let Some(id) = wrong.chain(lost).next().cloned() {
            self.fail(
                Invariant::DurableAck,
                format!("{id} is acked and not in the log, or not there"),
            );
        }
    }

    fn check_stream(&mut self, connection: ConnectionId, events: &Events) {
        let (Some(after), Some(last)) = (events.after, events.last) else {
            return self.fail(
                Invariant::OrderedDelivery,
                "a frame of the stream does not say where it stands",
            );
        };
        let texts = (after.get() + 1..=last.get()).map(Sequence::new);
        let log = self.server.store.log(&self.fixed.repository);
        let same = texts
            .map(|sequence| log.event(sequence).map(|event| event.text.to_owned()))
            .eq(events.events.iter().map(|event| Some(event.to_string())));
        let Some(link) = self.links.get_mut(&connection) else {
            return;
        };
        let goes_on = link.streamed.is_none_or(|before| before == after);
        link.change().streamed = Some(last);
        if !same || !goes_on {
            let message = format!("a frame of ({after}, {last}] is not what the log holds behind the last one");
            self.fail(Invariant::OrderedDelivery, message);
        }
    }

    /// Everything is said and done: everyone is equal, and everything written is in the log once.
    pub(super) fn check_end(&mut self) {
        for index in 0..self.clients.len() {
            if let Err((invariant, message)) = self.client_laws(index).and_then(|()| self.end_laws(index)) {
                self.fail(invariant, format!("client {index}, at the end: {message}"));
            }
        }
        let bodies: Vec<Value> = self
            .log_values()
            .into_iter()
            .map(|(_, event)| event["_data"].clone())
            .collect();
        let distinct: BTreeSet<String> = bodies.iter().map(Value::to_string).collect();
        if distinct.len() != bodies.len() {
            self.fail(
                Invariant::IdempotentPush,
                format!("something is in the log twice: {bodies:?}"),
            );
        }
    }

    fn end_laws(&self, index: usize) -> Result<(), (Invariant, String)> {
        let (node, name) = (&self.clients[index], &self.fixed.repository);
        let log = self.server.store.log(name);
        if node.disk.pending(name).next().is_some() || node.disk.layer(name).next().is_some() {
            return Err((Invariant::Liveness, "its outbox or its local layer is not empty".into()));
        }
        if let Some(event) = node.written.iter().find(|event| log.find(event).is_none()) {
            return Err((Invariant::NothingLost, format!("{event} is not in the log")));
        }
        let (visible, fold) = (
            shown(node.disk.records(name), |record| record.visible.as_deref()),
            self.fold(log.head()),
        );
        if visible != fold {
            return Err((
                Invariant::Convergence,
                format!("it shows {visible:?}, the log says {fold:?}"),
            ));
        }
        Ok(())
    }

    /// What the log says up to a place: the last event of a record decides it.
    fn fold(&self, up_to: Sequence) -> BTreeMap<String, Value> {
        let mut records = BTreeMap::new();
        let events = self.log_values().into_iter();
        for (_, event) in events.take_while(|(sequence, _)| *sequence <= up_to) {
            let record = event["_data"]["id"].as_str().unwrap_or_default().to_owned();
            records.insert(record, event["_data"].clone());
        }
        records
    }

    fn log_values(&self) -> Vec<(Sequence, Value)> {
        let events = self.server.store.log(&self.fixed.repository).events();
        let value = |text| serde_json::from_str(text).unwrap_or_default();
        events.map(|(_, event)| (event.sequence, value(event.text))).collect()
    }
}

/// The data of one layer, by record.
fn shown<'a>(
    records: impl Iterator<Item = &'a StoredRecord>,
    layer: impl Fn(&'a StoredRecord) -> Option<&'a State>,
) -> BTreeMap<String, Value> {
    let data = |record: &'a StoredRecord| {
        let data = layer(record)?.data.as_ref()?;
        Some((
            record.key.record.to_string(),
            serde_json::from_str(data).unwrap_or_default(),
        ))
    };
    records.filter_map(data).collect()
}
