//! The WebSocket handshake (RFC 6455 section 4.2) and what follows it.

use super::answer::{Answer, Refused};
use super::service::{Http, bearer};
use super::stall::Watched;
use async_tungstenite::tungstenite::handshake::server::create_response_with_body;
use driftless::Tokio;
use driftless::server::Opening;
use driftless_core::name::Namespace;
use driftless_core::wire::ErrorCode;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, UPGRADE};
use hyper::{Request, StatusCode, upgrade};
use hyper_util::rt::TokioIo;
use std::any::Any;
use std::sync::Arc;
use tokio::net::TcpStream;

/// Something that lives as long as the connection that a request came on.
pub(super) type Held = Arc<dyn Any + Send + Sync>;

/// Whether a request asks for another protocol.
pub(super) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
}

/// 426 for a path that speaks WebSocket only.
pub(super) fn required() -> Refused {
    Refused::new(
        StatusCode::UPGRADE_REQUIRED,
        ErrorCode::BadMessage,
        "This path speaks WebSocket: connect to it with ws:// or wss://",
    )
}

impl Http {
    /// Answers a handshake; once the answer has left, the connection is a WebSocket.
    pub(super) fn upgrade(
        &self,
        request: Request<Incoming>,
        namespace: Namespace,
        held: Held,
    ) -> Result<Answer, Refused> {
        let answer = create_response_with_body(&request, Full::default)
            .map_err(|error| Refused::bad(format!("Not a WebSocket handshake: {error}")))?;
        let (server, token) = (self.server.clone(), bearer(request.headers()));
        let upgraded = upgrade::on(request);
        tokio::spawn(async move {
            // An error means that the connection was lost before it became a WebSocket.
            let Ok(upgraded) = upgraded.await else { return };
            let Ok(parts) = upgraded.downcast::<TokioIo<Watched<TcpStream>>>() else {
                tracing::error!("a connection of an unknown kind was upgraded");
                return;
            };
            let opening = Opening {
                namespace,
                token,
                read_ahead: parts.read_buf,
            };
            let socket = Tokio::socket(parts.io.into_inner().into_inner());
            server.serve_socket(socket, opening).await;
            drop(held);
        });
        Ok(answer)
    }
}
