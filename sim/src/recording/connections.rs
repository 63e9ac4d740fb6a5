//! Connections and messages of a recorded run.

use super::label::{self, cut};
use super::{Kind, Link, Message, Node, Tape};
use crate::scenario::Way;
use bytestring::ByteString;
use driftless_core::Instant;
use driftless_core::wire::CloseCode;

impl Tape {
    /// A client asks for a connection.
    pub fn connecting(&mut self, now: Instant, link: u64, client: usize) {
        let asked = self.step(now, Node::Client(client), Kind::Connect, "connects".into());
        let index = self.recording.links.len();
        self.links.insert(link, index);
        self.recording.steps[asked].link = Some(index);
        self.recording.links.push(Link {
            client,
            asked,
            ..Link::default()
        });
    }

    /// The server's end of a connection is open.
    pub fn accepted(&mut self, now: Instant, link: u64) {
        self.end_of_link(now, link, Node::Server, Kind::Open, "accepts".into());
    }

    /// The client's end of a connection is open.
    pub fn connected(&mut self, now: Instant, link: u64) {
        if let Some(node) = self.client_of(link) {
            self.end_of_link(now, link, node, Kind::Open, "is connected".into());
        }
    }

    /// Nothing came of an attempt.
    pub fn connect_failed(&mut self, now: Instant, link: u64, reason: &str) {
        if let Some(node) = self.client_of(link) {
            self.end_of_link(now, link, node, Kind::Close, format!("cannot connect: {reason}"));
        }
    }

    /// A connection is over for one end (`server` or the client), whoever did it. What is on its way to that end is lost.
    pub fn closed(&mut self, now: Instant, link: u64, server: bool, code: Option<CloseCode>, reason: &str) {
        let Some(client) = self.client_of(link) else { return };
        let node = if server { Node::Server } else { client };
        let code = code.map_or(String::new(), |code| format!(" {code}"));
        let label = format!("connection over{code}: {reason}");
        self.end_of_link(now, link, node, Kind::Close, label);
    }

    fn client_of(&self, link: u64) -> Option<Node> {
        let index = *self.links.get(&link)?;
        Some(Node::Client(self.recording.links[index].client))
    }

    fn end_of_link(&mut self, now: Instant, link: u64, node: Node, kind: Kind, label: String) {
        let Some(&index) = self.links.get(&link) else { return };
        let over = (node, kind) == (Node::Server, Kind::Close) && self.recording.links[index].accepted.is_none();
        let link = &self.recording.links[index];
        let told = match (node, kind) {
            (Node::Server, Kind::Open) => link.accepted,
            (Node::Server, _) => link.server_closed,
            (_, Kind::Open) => link.connected,
            _ => link.client_closed,
        };
        if over || told.is_some() {
            return;
        }
        let step = self.step(now, node, kind, label);
        self.recording.steps[step].link = Some(index);
        let link = &mut self.recording.links[index];
        match (node, kind) {
            (Node::Server, Kind::Open) => link.accepted = Some(step),
            (Node::Server, _) => link.server_closed = Some(step),
            (_, Kind::Open) => link.connected = Some(step),
            _ => link.client_closed = Some(step),
        }
        if kind == Kind::Close {
            let way = if node == Node::Server { Way::Up } else { Way::Down };
            for (message, _) in self.under_way.remove(&(index, way)).unwrap_or_default() {
                self.recording.messages[message].lost = Some(step);
            }
        }
    }

    /// A frame goes on its way.
    pub fn sent(&mut self, now: Instant, link: u64, way: Way, frame: &ByteString) {
        let Some(&link) = self.links.get(&link) else { return };
        let node = match way {
            Way::Up => Node::Client(self.recording.links[link].client),
            Way::Down => Node::Server,
        };
        let (label, repository) = label::frame(way, frame);
        let sent = self.step(now, node, Kind::Send, label.clone());
        let index = self.recording.messages.len();
        self.recording.steps[sent].message = Some(index);
        let text = self.text(frame);
        // Where nobody is at the other end any more it goes into nothing.
        let nobody = match way {
            Way::Up => self.recording.links[link].server_closed,
            Way::Down => self.recording.links[link].client_closed,
        };
        self.recording.messages.push(Message {
            link,
            way,
            label,
            repository: repository.and_then(|name| self.repositories.get(&name).copied()),
            text,
            bytes: frame.len(),
            sent,
            arrived: None,
            lost: nobody.map(|_| sent),
        });
        if nobody.is_none() {
            let under_way = self.under_way.entry((link, way)).or_default();
            under_way.push_back((index, frame.clone()));
        }
    }

    /// A frame is where it was to go. Those of its connection that were sent before it and have not arrived are lost.
    pub fn arrived(&mut self, now: Instant, link: u64, way: Way, frame: &ByteString) {
        let Some(&link) = self.links.get(&link) else { return };
        let under_way = self.under_way.entry((link, way)).or_default();
        let Some(place) = under_way.iter().position(|(_, sent)| sent == frame) else {
            return;
        };
        let messages: Vec<usize> = under_way.drain(..=place).map(|(message, _)| message).collect();
        let node = match way {
            Way::Up => Node::Server,
            Way::Down => Node::Client(self.recording.links[link].client),
        };
        let Some((&message, lost)) = messages.split_last() else {
            return;
        };
        let label = self.recording.messages[message].label.clone();
        let step = self.step(now, node, Kind::Arrive, label);
        self.recording.steps[step].message = Some(message);
        self.recording.messages[message].arrived = Some(step);
        for &message in lost {
            self.recording.messages[message].lost = Some(step);
        }
    }

    fn text(&mut self, frame: &ByteString) -> usize {
        if let Some(&index) = self.texts.get(frame) {
            return index;
        }
        let index = self.recording.texts.len();
        self.recording.texts.push(cut(frame, Self::MAX_TEXT));
        self.texts.insert(frame.clone(), index);
        index
    }
}
