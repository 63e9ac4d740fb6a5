//! Who the peer is: credentials, their expiry, other credentials.

use super::reply::error;
use super::{AuthId, Session, SessionAction, Timer, later};
use crate::event::Json;
use crate::machine::Actions;
use crate::server::{AuthRefusal, Credentials, Grant, HubRequest, Peer, Rights};
use crate::wire::{Auth, AuthSuccess, CloseCode, ErrorCode, Extended, Limits, PROTOCOL_VERSION, ServerMessage};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

/// Who the peer is.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) subject: String,
    pub(super) rights: Arc<Rights>,
    /// The credentials have expired; it may show others for a while.
    pub(super) is_expired: bool,
}

/// Credentials that are being decided about.
#[derive(Clone, Debug)]
pub(super) struct PendingAuth {
    auth: AuthId,
    peer: Peer,
    reference: Option<Json>,
}

impl Session {
    /// The peer shows credentials. Frames behind them wait for the decision.
    pub(super) fn auth_came(&mut self, auth: Auth, reference: Option<Json>, out: &mut Actions<SessionAction>) {
        let is_extended = auth.protocol == Some(PROTOCOL_VERSION);
        let peer = if is_extended { Peer::Extended } else { Peer::Plain };
        self.last_auth += 1;
        let id = AuthId(self.last_auth);
        let pending = PendingAuth {
            auth: id,
            peer,
            reference,
        };
        self.pending_auth = Some(Box::new(pending));
        let at = later(self.now, self.config.limits.auth_timeout);
        self.timers.set(Timer::Auth, at);
        let credentials = self.credentials(auth);
        out.push(SessionAction::Authenticate { auth: id, credentials });
    }

    /// The token is that of `auth`, else one in an `Authorization` field of `auth`, else the handshake's.
    fn credentials(&self, auth: Auth) -> Credentials {
        let mut fields = auth.fields;
        let mut token = auth.token.filter(|token| !token.is_empty());
        if token.is_none() {
            let is_header = |(name, _): &(String, Json)| name.eq_ignore_ascii_case("authorization");
            let header = fields.iter().position(is_header);
            let bearer = header.and_then(|header| Some((header, bearer(&fields[header].1)?)));
            token = bearer.map(|(header, token)| {
                fields.remove(header);
                token
            });
        }
        Credentials {
            namespace: self.namespace.clone(),
            token: token.or_else(|| self.handshake_token.clone()),
            fields,
        }
    }

    /// The host has decided.
    pub(super) fn authenticated(
        &mut self,
        auth: AuthId,
        result: Result<Grant, AuthRefusal>,
        server_time: String,
        out: &mut Actions<SessionAction>,
    ) {
        let Some(pending) = self.pending_auth.take_if(|pending| pending.auth == auth) else {
            self.ignored += 1;
            return;
        };
        self.timers.clear(Timer::Auth);
        match result {
            Ok(grant) => self.granted(*pending, grant, server_time, out),
            Err(refusal) => self.refused(pending.reference, refusal, out),
        }
        while self.pending_auth.is_none()
            && let Some(frame) = self.backlog.pop()
        {
            self.take_frame(frame, out);
        }
    }

    fn granted(&mut self, pending: PendingAuth, grant: Grant, server_time: String, out: &mut Actions<SessionAction>) {
        let extended = (pending.peer == Peer::Extended).then(|| self.extended(&grant, server_time));
        let message = ServerMessage::AuthSuccess(AuthSuccess { extended });
        self.send(pending.reference, message, out);
        self.timers.clear(Timer::Grace);
        let expiry = grant.valid_for.map(|valid_for| later(self.now, valid_for));
        self.timers.set_or_clear(Timer::Expiry, expiry);
        let before = self.login.take();
        let is_same = |login: &Login| login.subject == grant.subject && self.peer == pending.peer;
        let kept = before.as_deref().filter(|login| is_same(login));
        let is_attached = kept.is_some_and(|login| login.rights == grant.rights);
        let is_other = before.is_some() && kept.is_none();
        self.peer = pending.peer;
        if before.is_none() {
            self.start_heartbeat();
        }
        if is_other {
            self.resets += 1;
            self.requests = 0;
            out.push(SessionAction::Hub(HubRequest::Reset));
        }
        if !is_attached {
            // The first of a subject is not answered: it stands alone, or behind a reset that is.
            self.requests += usize::from(kept.is_some());
            out.push(SessionAction::Hub(HubRequest::Attach {
                namespace: self.namespace.clone(),
                peer: pending.peer,
                rights: grant.rights.clone(),
            }));
        }
        self.login = Some(Box::new(Login {
            subject: grant.subject,
            rights: grant.rights,
            is_expired: false,
        }));
    }

    fn extended(&self, grant: &Grant, server_time: String) -> Extended {
        let limits = &self.config.limits;
        Extended {
            epoch: self.config.epoch.clone(),
            scope: grant.rights.scope.clone(),
            server_time,
            heartbeat_ms: u64::try_from(limits.heartbeat_interval.as_millis()).unwrap_or(u64::MAX),
            limits: Limits {
                frame_bytes: limits.frame_bytes as u64,
                event_bytes: limits.event_bytes as u64,
                batch_events: limits.batch_events as u64,
            },
        }
    }

    fn refused(&mut self, reference: Option<Json>, refusal: AuthRefusal, out: &mut Actions<SessionAction>) {
        let unavailable = || "The credentials cannot be checked now; try again later.".into();
        let (code, close, message) = match refusal {
            AuthRefusal::Refused(message) => (ErrorCode::AuthFailed, CloseCode::UNAUTHENTICATED, message),
            AuthRefusal::Forbidden(message) => (ErrorCode::Forbidden, CloseCode::FORBIDDEN, message),
            AuthRefusal::Unavailable => (ErrorCode::Internal, CloseCode::INTERNAL, unavailable()),
        };
        self.send_error(reference, error(code, message.clone()), out);
        self.close(close, &message, out);
    }

    /// The peer, or whoever decides, has taken too long.
    pub(super) fn auth_timed_out(&mut self, out: &mut Actions<SessionAction>) {
        if let Some(pending) = self.pending_auth.take() {
            return self.refused(pending.reference, AuthRefusal::Unavailable, out);
        }
        let message = "No authentication in time.";
        self.send_error(None, error(ErrorCode::NotAuthenticated, message), out);
        self.close(CloseCode::UNAUTHENTICATED, message, out);
    }

    /// The credentials have expired: the peer is told, and has a while to show others.
    pub(super) fn credentials_expired(&mut self, out: &mut Actions<SessionAction>) {
        if let Some(login) = &mut self.login {
            login.is_expired = true;
            let message = "The credentials have expired; authenticate again.";
            self.send_error(None, error(ErrorCode::TokenExpired, message), out);
            let at = later(self.now, self.config.limits.expiry_grace);
            self.timers.set(Timer::Grace, at);
        }
    }

    /// The while is over. Credentials that are being decided about count as shown in time.
    pub(super) fn grace_over(&mut self, out: &mut Actions<SessionAction>) {
        if self.pending_auth.is_none() {
            self.close(CloseCode::UNAUTHENTICATED, "The credentials have expired.", out);
        }
    }
}

/// The token in the value of an `Authorization` field.
fn bearer(value: &Json) -> Option<String> {
    let value: String = serde_json::from_str(value).ok()?;
    let scheme = value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "));
    let token = scheme.map_or(&*value, |scheme| &value[scheme.len()..]).trim();
    (!token.is_empty()).then(|| token.into())
}
