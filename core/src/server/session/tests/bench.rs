//! A session whose host is the test.

use crate::event::Sequence;
use crate::machine::{Actions, Instant, Machine};
use crate::name::{Namespace, RepositoryName};
use crate::server::session::{AuthId, Session, SessionAction, SessionConfig, SessionInput};
use crate::server::{
    Access, AuthRefusal, ConnectionId, Grant, HubReply, HubRequest, PushId, PushResult, Refusal, Rights, ServerLimits,
};
use crate::wire::Epoch;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytestring::ByteString;
use core::time::Duration;

pub(super) struct Bench {
    pub(super) session: Session,
    pub(super) now: Instant,
    /// Whether what is sent is flushed at once.
    pub(super) fast: bool,
    pub(super) unflushed: usize,
    trace: Vec<String>,
    pub(super) hub: Vec<HubRequest>,
}

pub(super) fn rights(read: &[&str], write: &[&str]) -> Rights {
    let only = |names: &[&str]| Access::Only(names.iter().map(|name| RepositoryName::new(name).unwrap()).collect());
    Rights {
        scope: "some".into(),
        read: only(read),
        write: only(write),
    }
}

pub(super) fn grant() -> Grant {
    Grant {
        subject: "alice".into(),
        rights: Arc::new(Rights::all()),
        valid_for: None,
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(ServerLimits::default())
    }

    pub(super) fn with(limits: ServerLimits) -> Self {
        let config = SessionConfig {
            epoch: Epoch::new("e1").unwrap(),
            limits,
        };
        let token = Some("handshake".into());
        Self {
            session: Session::new(
                Instant::ZERO,
                Arc::new(config),
                ConnectionId(1),
                Namespace::default(),
                token,
            ),
            now: Instant::ZERO,
            fast: true,
            unflushed: 0,
            trace: Vec::new(),
            hub: Vec::new(),
        }
    }

    /// A session with an authenticated peer.
    pub(super) fn extended() -> Self {
        Self::authenticated(r#"{"type":"auth","protocol":1}"#, ServerLimits::default())
    }

    pub(super) fn plain() -> Self {
        Self::authenticated(r#"{"type":"auth"}"#, ServerLimits::default())
    }

    pub(super) fn authenticated(auth: &str, limits: ServerLimits) -> Self {
        let mut bench = Self::with(limits);
        bench.frame(auth);
        bench.grant(1, grant());
        bench.trace();
        bench.hub.clear();
        bench
    }

    pub(super) fn input(&mut self, input: SessionInput) {
        let mut out = Actions::new();
        self.session.handle(self.now, input, &mut out);
        if let Some(wake) = self.session.next_wake() {
            assert!(wake.at > self.now, "{wake:?}");
        }
        let mut bytes = 0;
        for action in out.drain() {
            assert!(
                !self.trace.last().is_some_and(|last| last.starts_with("close")),
                "after close: {action:?}"
            );
            let line = match action {
                SessionAction::Send(frame) => {
                    bytes += frame.len();
                    format!("send {frame}")
                }
                SessionAction::Close { code, reason } => {
                    assert!(reason.len() <= 123);
                    format!("close {code} {reason}")
                }
                SessionAction::PauseReading => "pause".into(),
                SessionAction::ResumeReading => "resume".into(),
                SessionAction::Authenticate { auth, credentials } => {
                    format!(
                        "authenticate {} {:?} {:?}",
                        auth.0, credentials.token, credentials.fields
                    )
                }
                SessionAction::Hub(request) => {
                    self.hub.push(request.clone());
                    in_short(&request)
                }
            };
            self.trace.push(line);
        }
        self.unflushed += bytes;
        if self.fast && bytes > 0 {
            self.flush();
        }
    }

    pub(super) fn flush(&mut self) {
        let bytes = core::mem::take(&mut self.unflushed);
        self.input(SessionInput::Flushed { bytes });
    }

    pub(super) fn frame(&mut self, text: &str) {
        self.input(SessionInput::Frame(text.to_string().into()));
    }

    pub(super) fn grant(&mut self, auth: u64, grant: Grant) {
        self.decide(auth, Ok(grant));
    }

    pub(super) fn decide(&mut self, auth: u64, result: Result<Grant, AuthRefusal>) {
        self.input(SessionInput::Authenticated {
            auth: AuthId(auth),
            result,
            server_time: "2025-01-23T10:00:00.000Z".into(),
        });
    }

    pub(super) fn hub(&mut self, reply: HubReply) {
        self.input(SessionInput::Hub(reply));
    }

    pub(super) fn hub_frame(&mut self, text: &str) {
        self.hub(HubReply::Frame(ByteString::from(text)));
    }

    /// The hub answers a push: a sequence, or why not, for each event.
    pub(super) fn pushed(&mut self, push: u64, outcomes: &[(&str, Result<u64, Refusal>)]) {
        let result = |(id, outcome): &(&str, Result<u64, Refusal>)| PushResult {
            id: crate::event::EventId::new((*id).to_string()).unwrap(),
            outcome: outcome.map(Sequence::new),
        };
        let results = outcomes.iter().map(result).collect();
        self.hub(HubReply::Pushed {
            push: PushId(push),
            results,
        });
    }

    /// Lets time pass, stopping at every moment that the session asks for.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(wake) = self.session.next_wake().filter(|wake| wake.at <= end) {
            self.now = wake.at;
            self.input(SessionInput::Tick);
        }
        self.now = end;
        self.input(SessionInput::Tick);
    }

    /// What the session asked for since the last call, one line an action.
    pub(super) fn trace(&mut self) -> String {
        core::mem::take(&mut self.trace).join("\n")
    }
}

fn in_short(request: &HubRequest) -> String {
    match request {
        HubRequest::Push { push, log, events } => {
            let ids: Vec<_> = events.iter().map(|event| event.id.to_string()).collect();
            format!("hub push {} {log}: {}", push.0, ids.join(" "))
        }
        HubRequest::Attach { peer, rights, .. } => format!("hub attach {peer:?} {}", rights.scope),
        HubRequest::Hold { log, event } => format!("hub hold {log} {event}"),
        HubRequest::Release { log, events } => {
            let ids: Vec<_> = events.iter().map(ToString::to_string).collect();
            format!("hub release {log}: {}", ids.join(" "))
        }
        other => format!("hub {other:?}"),
    }
}
