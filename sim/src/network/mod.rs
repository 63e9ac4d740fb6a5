//! Connections that fail as TCP and WebSocket do.
//!
//! A connection is two streams of bytes in which WebSocket frames stand. Inside a connection nothing is lost,
//! duplicated or reordered, ever: bytes come late, or the rest of them does not come at all. What the application
//! sends waits in its socket once so much of it is not read at the other end.
//!
//! An end that closes, or whose process is gone, hears nothing more of that connection but what was on its way
//! ([`NetworkEvent::Late`]); the other end hears of it with
//! [`NetworkEvent::Closed`], once, unless the connection is half open: then when something that it sends reaches a
//! place where nobody knows the connection.
//!
//! | module | what it is |
//! |---|---|
//! | `pipe` | one direction: a stream of frames, segments on their way, room in the socket |
//! | `link` | two of them, and what each end knows |
//! | `deliver` | what arrives at an end |
//! | `faults` | what can be wrong with the network of a client |

mod deliver;
mod faults;
mod link;
mod pipe;

#[cfg(test)]
mod tests;

use crate::fault::{Fault, Fired};
use crate::scenario::NetworkPlan;
use crate::scheduler::Scheduler;
use bytestring::ByteString;
use driftless_core::wire::CloseCode;
use faults::Weather;
use link::{Link, State};
use std::collections::{BTreeMap, VecDeque};

/// Names a connection attempt and the connection that comes of it; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The client's.
    Client,
    /// The server's.
    Server,
}

/// What the network plans on the scheduler: to look after what goes to an end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkDue {
    link: LinkId,
    to: End,
}

/// What the network tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkEvent {
    /// The server's end is open.
    Accepted {
        /// Which connection.
        link: LinkId,
    },
    /// The client's end is open.
    Connected {
        /// Which connection.
        link: LinkId,
    },
    /// The client's attempt has failed.
    ConnectFailed {
        /// Which one.
        link: LinkId,
        /// Why, in one sentence.
        reason: String,
    },
    /// A whole text frame has come.
    Frame {
        /// On which connection.
        link: LinkId,
        /// To which end.
        end: End,
        /// Its payload.
        frame: ByteString,
    },
    /// A whole text frame has come to an end that has closed the connection. A host that has read it by the time it
    /// hears of the close may hand it on all the same.
    Late {
        /// On which connection.
        link: LinkId,
        /// To which end.
        end: End,
        /// Its payload.
        frame: ByteString,
    },
    /// A part of a frame has come.
    Alive {
        /// On which connection.
        link: LinkId,
        /// To which end.
        end: End,
    },
    /// A socket has taken bytes of what its end sent.
    Flushed {
        /// Of which connection.
        link: LinkId,
        /// At which end.
        end: End,
        /// Bytes of payload.
        bytes: usize,
    },
    /// The connection is over for an end that has not ended it itself.
    Closed {
        /// Which connection.
        link: LinkId,
        /// For which end.
        end: End,
        /// The code of the close frame, where there was one.
        code: Option<CloseCode>,
        /// Its reason, or what happened.
        reason: String,
    },
}

/// What the network has told and nobody has taken yet, the oldest first.
pub type Events = VecDeque<NetworkEvent>;

/// The connections of all clients to the server.
#[derive(Clone, Debug)]
pub struct Network {
    seed: u64,
    plan: NetworkPlan,
    listens: bool,
    weather: Vec<Weather>,
    links: BTreeMap<LinkId, Box<Link>>,
    /// Whose each link is or was, by its number.
    clients: Vec<usize>,
}

impl Network {
    /// A network without connections, to a server that does not listen yet.
    pub fn new(seed: u64, plan: NetworkPlan, clients: usize) -> Self {
        Self {
            seed,
            plan,
            listens: false,
            weather: vec![Weather::default(); clients],
            links: BTreeMap::new(),
            clients: Vec::new(),
        }
    }

    /// Whether the server listens. A server that does not refuses connects; open connections are not touched.
    pub const fn server_listens(&mut self, listens: bool) {
        self.listens = listens;
    }

    /// A client begins to open a connection. It hears [`NetworkEvent::Connected`], [`NetworkEvent::ConnectFailed`] or
    /// nothing; it gives up with [`Network::close`].
    ///
    /// # Panics
    ///
    /// If there is no such client.
    pub fn connect<T: From<NetworkDue>>(&mut self, client: usize, scheduler: &mut Scheduler<T>) -> LinkId {
        let id = LinkId(self.clients.len() as u64);
        self.clients.push(client);
        let ordinal = self.weather[client].count_connect();
        let link = Link::open(self.seed, &self.plan, client, ordinal, scheduler.now());
        self.links.insert(id, Box::new(link));
        self.plan(id, End::Server, scheduler);
        id
    }

    /// An end sends a text frame. What the socket takes of it at once is told at once.
    pub fn send<T: From<NetworkDue>>(
        &mut self,
        id: LinkId,
        from: End,
        frame: ByteString,
        scheduler: &mut Scheduler<T>,
        out: &mut Events,
    ) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.is_live(from)) else {
            return;
        };
        let now = scheduler.now();
        if self.weather[link.client]
            .moves_from(link, from)
            .is_some_and(|at| at <= now)
        {
            link.to(from.other()).hear_acks(now);
        }
        let bytes = link.send(from, frame, now, &self.plan);
        if bytes > 0 {
            let end = from;
            out.push_back(NetworkEvent::Flushed { link: id, end, bytes });
        }
        if link.to(from).paused && link.to(from).marked {
            self.plan(id, from, scheduler);
        }
        self.plan(id, from.other(), scheduler);
    }

    /// An end closes in good order: the other end hears of it behind what was sent. Or a client gives up a connect.
    pub fn close<T: From<NetworkDue>>(
        &mut self,
        id: LinkId,
        from: End,
        code: CloseCode,
        reason: String,
        scheduler: &mut Scheduler<T>,
    ) {
        let now = scheduler.now();
        let Some(link) = self.links.get_mut(&id).filter(|link| link.is_live(from)) else {
            return;
        };
        if *link.state(from) == State::Opening {
            return self.give_up(id, scheduler);
        }
        link.send_close(from, code, reason, now, &self.plan);
        *link.state(from) = State::Closed;
        self.ended(id, from, scheduler);
    }

    /// The process at an end is gone. The other end is told by the network, or not.
    pub fn abandon<T: From<NetworkDue>>(
        &mut self,
        id: LinkId,
        end: End,
        told: bool,
        scheduler: &mut Scheduler<T>,
        fired: &mut Fired,
    ) {
        let now = scheduler.now();
        let Some(link) = self.links.get_mut(&id).filter(|link| link.is_live(end)) else {
            return;
        };
        if told {
            link.hang_up(end, "the other end's process is gone", now, &self.plan);
        } else {
            if *link.state(end.other()) == State::Open {
                fired.count(Fault::HalfOpen);
            }
            link.vanish(end);
        }
        self.ended(id, end, scheduler);
    }

    /// An end reads no more, until it resumes.
    pub fn pause(&mut self, id: LinkId, end: End) {
        if let Some(link) = self.links.get_mut(&id) {
            link.to(end).paused = true;
        }
    }

    /// An end reads again. What has come meanwhile is told when it is due, which is now.
    pub fn resume<T: From<NetworkDue>>(&mut self, id: LinkId, end: End, scheduler: &mut Scheduler<T>) {
        if let Some(link) = self.links.get_mut(&id) {
            link.to(end).paused = false;
            self.plan(id, end, scheduler);
        }
    }

    /// Whose connection a link is or was.
    ///
    /// # Panics
    ///
    /// If this network did not make the link.
    pub fn client_of(&self, link: LinkId) -> usize {
        let index = usize::try_from(link.0).unwrap_or(usize::MAX);
        self.clients[index]
    }

    /// Whether nothing is on its way anywhere.
    pub fn is_idle(&self) -> bool {
        self.links.values().all(|link| link.up.is_idle() && link.down.is_idle())
    }

    /// A client gives up a connect. If it has asked already, the server may still accept it, and hears then.
    fn give_up<T: From<NetworkDue>>(&mut self, id: LinkId, scheduler: &mut Scheduler<T>) {
        let now = scheduler.now();
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.is_before_request(now) {
            self.links.remove(&id);
            return;
        }
        link.hang_up(
            End::Client,
            "the client gave up before it was answered",
            now,
            &self.plan,
        );
        self.ended(id, End::Client, scheduler);
    }

    /// An end is done with a connection.
    fn ended<T: From<NetworkDue>>(&mut self, id: LinkId, end: End, scheduler: &mut Scheduler<T>) {
        let Some(link) = self.links.get(&id) else { return };
        if link.is_over() {
            self.links.remove(&id);
            return;
        }
        if end == End::Client {
            self.linger_now(id, scheduler.now());
        }
        self.plan(id, End::Server, scheduler);
        self.plan(id, End::Client, scheduler);
    }

    /// Plans the next thing that happens to what goes to an end, unless something earlier is planned.
    fn plan<T: From<NetworkDue>>(&mut self, id: LinkId, to: End, scheduler: &mut Scheduler<T>) {
        let now = scheduler.now();
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(at) = self.weather[link.client].next(link, to, now).map(|at| at.max(now)) else {
            return;
        };
        self.weather[link.client].note_held(link, to, now);
        let pipe = link.to(to);
        if pipe.planned.is_none_or(|planned| at < planned) {
            pipe.planned = Some(at);
            scheduler.at(at, NetworkDue { link: id, to }.into());
        }
    }
}

impl Link {
    fn is_live(&self, end: End) -> bool {
        match end {
            End::Client => self.client_end.is_live(),
            End::Server => self.server_end == State::Open,
        }
    }
}
