//! Takes a request through origin, route, authentication and handler.

use super::answer::{Answer, Refused, text};
use super::body::{Body, BodyMemory};
use super::origin::{Caller, Origins};
use super::query::EventsQuery;
use super::route::{Api, Route};
use super::stall::Watched;
use super::upgrade::{self, Held, is_upgrade};
use driftless::server::{Counter, Server};
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{Access, AuthRefusal, Credentials, Rights};
use driftless_core::wire::ErrorCode;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, VARY,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The limits of the HTTP side. What happens at the limit stands at each.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// How long a connection may take to send the head of its first or next request before it is closed; so it is
    /// also how long one is kept alive. Default 30 s.
    pub head_timeout: Duration,
    /// Largest head of a request, in bytes; a larger one gets 431. Default 16 KiB.
    pub head_bytes: usize,
    /// How long the body of a request may take before it gets 408. Default 60 s.
    pub body_timeout: Duration,
    /// Largest body of a request, in bytes; a larger one gets 413. Default 16 MiB, as for a frame.
    pub body_bytes: usize,
    /// Most bytes of all bodies being read or handled; past it a request gets 429. Default 256 MiB.
    pub bodies_bytes: usize,
    /// How long a request waits for a decision about its credentials before it gets 503. Default 10 s.
    pub auth_timeout: Duration,
    /// How long a request waits for the store before it gets 503. Default 30 s.
    pub store_timeout: Duration,
    /// How long a peer may take nothing of an answer before its connection is closed. Default 40 s.
    pub stall_timeout: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(30),
            head_bytes: 16 << 10,
            body_timeout: Duration::from_mins(1),
            body_bytes: 16 << 20,
            bodies_bytes: 256 << 20,
            auth_timeout: Duration::from_secs(10),
            store_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(40),
        }
    }
}

/// The server's HTTP side, on any number of connections.
#[derive(Debug)]
pub struct Http {
    pub(super) server: Server,
    pub(super) limits: HttpLimits,
    pub(super) requests: Counter,
    origins: Origins,
    bodies: BodyMemory,
}

const ROOT_TEXT: &str = "\
This is a Driftless server.

Clients connect a WebSocket to /sync. The same log by HTTP is at /api:
  curl HOST/api/health
  curl HOST/api/repositories
  curl HOST/api/events/REPOSITORY
";

impl Http {
    /// The HTTP side of a server.
    pub fn new(server: Server, origins: Origins, limits: HttpLimits) -> Self {
        Self {
            server,
            origins,
            requests: Counter::default(),
            bodies: BodyMemory::new(limits.bodies_bytes),
            limits,
        }
    }

    /// Serves one connection until it is over or has become a WebSocket. When `stop` ends, the request under way is
    /// answered and no other is read. `held` lives as long as the connection, also as a WebSocket.
    pub async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        held: Arc<dyn std::any::Any + Send + Sync>,
        stop: impl Future<Output = ()>,
    ) {
        let io = TokioIo::new(Watched::new(stream, self.limits.stall_timeout));
        let (http, used) = (self.clone(), AtomicBool::new(false));
        let service = service_fn(|request| {
            used.store(true, Ordering::Relaxed);
            let (http, held) = (http.clone(), held.clone());
            async move { Ok::<_, Infallible>(http.answer(request, held).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_timeout)
            .max_header_size(self.limits.head_bytes)
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let stopped = tokio::select! {
            // A lost or misused connection is its client's affair.
            _ = connection.as_mut() => false,
            () = stop => true,
        };
        // A connection that has not asked for anything is not waited for: browsers open some in advance.
        if stopped && used.load(Ordering::Relaxed) {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }

    async fn answer(&self, request: Request<Incoming>, held: Held) -> Answer {
        self.requests.add(1);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let origin = match self.origins.judge(request.headers()) {
            Caller::Direct => None,
            Caller::Page(origin) => Some(origin),
            // A preflight without permissions refuses the call as well, and is answered 200 like every other.
            Caller::Refused if request.method() == Method::OPTIONS => return Answer::default(),
            Caller::Refused => return refused_page().into(),
            Caller::OtherHost => return refused_host().into(),
        };
        let mut answer = if request.method() == Method::OPTIONS {
            preflight(request.headers())
        } else {
            self.dispatch(request, held).await.unwrap_or_else(Answer::from)
        };
        tracing::debug!(%method, path, status = answer.status().as_u16(), "answered");
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        answer
    }

    async fn dispatch(&self, request: Request<Incoming>, held: Held) -> Result<Answer, Refused> {
        let upgrade = is_upgrade(request.headers());
        match Route::read(request.method(), request.uri().path())? {
            Route::Root if upgrade => self.upgrade(request, Namespace::default(), held),
            Route::Sync(namespace) if upgrade => self.upgrade(request, namespace, held),
            Route::Root => Ok(text(StatusCode::OK, ROOT_TEXT)),
            Route::Sync(_) => Err(upgrade::required()),
            Route::Alive => Ok(text(StatusCode::OK, "alive\n")),
            Route::Ready => self.ready().await,
            Route::Health => Ok(self.health().await),
            Route::Metrics => {
                self.authenticate(Namespace::default(), &request).await?;
                Ok(self.metrics())
            }
            Route::Api(namespace, api) => {
                let rights = self.authenticate(namespace.clone(), &request).await?;
                self.api(namespace, api, &rights, request).await
            }
        }
    }

    async fn api(
        &self,
        namespace: Namespace,
        api: Api,
        rights: &Rights,
        request: Request<Incoming>,
    ) -> Result<Answer, Refused> {
        let log = |access: &Access, repository: RepositoryName| {
            if !access.allows(&repository) {
                return Err(Refused::forbidden("The credentials do not allow this repository"));
            }
            let namespace = namespace.clone();
            Ok(LogName { namespace, repository })
        };
        match api {
            Api::Repositories => self.repositories(namespace, rights).await,
            Api::Events(repository) => {
                let query = EventsQuery::read(request.uri().query())?;
                self.events(log(&rights.read, repository)?, &query).await
            }
            Api::Event(repository, id) => self.event(log(&rights.read, repository)?, id).await,
            Api::Newest(repository, record) => self.newest(log(&rights.read, repository)?, record).await,
            Api::Push(repository) => {
                let log = log(&rights.write, repository)?;
                let body = Body::read(request, &self.limits, &self.bodies).await?;
                self.push(log, &body.text).await
            }
            Api::PushBatch(repository) => {
                let log = log(&rights.write, repository)?;
                let body = Body::read(request, &self.limits, &self.bodies).await?;
                self.push_batch(log, &body.text).await
            }
        }
    }

    async fn authenticate(&self, namespace: Namespace, request: &Request<Incoming>) -> Result<Arc<Rights>, Refused> {
        let credentials = Credentials {
            namespace,
            token: bearer(request.headers()),
            fields: Vec::new(),
        };
        let code = match credentials.token {
            Some(_) => ErrorCode::AuthFailed,
            None => ErrorCode::NotAuthenticated,
        };
        let deciding = timeout(self.limits.auth_timeout, self.server.authenticate(credentials));
        match deciding.await.unwrap_or(Err(AuthRefusal::Unavailable)) {
            Ok(grant) => Ok(grant.rights),
            Err(AuthRefusal::Refused(message)) => Err(Refused::new(StatusCode::UNAUTHORIZED, code, message)),
            Err(AuthRefusal::Forbidden(message)) => Err(Refused::forbidden(message)),
            Err(AuthRefusal::Unavailable) => Err(Refused::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::Internal,
                "Credentials cannot be checked now; try again",
            )),
        }
    }
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750 section 2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()).then(|| token.to_owned())
}

/// A browser asks what it may send (Fetch standard, CORS-preflight fetch).
fn preflight(asked: &HeaderMap) -> Answer {
    let mut answer = Answer::default();
    let headers = answer.headers_mut();
    let default = HeaderValue::from_static("Authorization, Content-Type");
    let allowed = asked.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned().unwrap_or(default);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    let methods = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}

fn refused_page() -> Refused {
    Refused::forbidden(
        "Web pages from this origin may not call this server: allow the origin with --allow-origin, or require a token",
    )
}

fn refused_host() -> Refused {
    Refused::forbidden(
        "This server answers to this machine's own names only: allow the origin of this one with --allow-origin, or require a token",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        bearer(&headers)
    }

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(token(value).as_deref(), Some("abc"), "{value}");
        }
        for value in ["abc", "Basic abc", "Bearer", "Bearer "] {
            assert_eq!(token(value), None, "{value}");
        }
    }
}
