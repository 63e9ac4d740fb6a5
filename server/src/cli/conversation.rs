//! A short conversation with a server, for commands that ask one thing.

use super::Failure;
use super::destination::{Destination, WEBSOCKET};
use super::token::TokenArgs;
use async_tungstenite::tungstenite::protocol::WebSocketConfig;
use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{WebSocketStream, client_async_with_config};
use bytes::Bytes;
use bytestring::ByteString;
use driftless::runtime::Socket;
use driftless_core::name::RepositoryName;
use driftless_core::wire::{
    Auth, ClientMessage, ClientRequest, ErrorCode, PROTOCOL_VERSION, ServerError, ServerMessage, ServerReply,
};
use futures_util::StreamExt;
use hyper::Uri;
use std::time::Duration;
use tokio::time::timeout;

/// How long connecting and each answer that is waited for may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Largest frame that is read: more than the largest event that a server stores by default.
const FRAME_BYTES: usize = 64 << 20;

/// Which server, which repository, and how to be let in.
#[derive(Debug, clap::Args)]
pub(crate) struct TargetArgs {
    /// The server's WebSocket: `ws://HOST:PORT/sync`, or `ws://HOST:PORT/sync/NAMESPACE`; `wss://` with TLS
    #[arg(
        long,
        env = "DRIFTLESS_URL",
        value_name = "URL",
        default_value = "ws://127.0.0.1:8080/sync"
    )]
    url: Uri,

    /// The repository
    #[arg(long, short, value_name = "NAME")]
    pub(crate) repository: RepositoryName,

    #[command(flatten)]
    token: TokenArgs,
}

/// An authenticated connection to a server that speaks the protocol in version 1.
pub(crate) struct Conversation {
    url: Uri,
    socket: WebSocketStream<Box<dyn Socket>>,
}

impl Conversation {
    /// Connects and authenticates.
    pub(crate) async fn open(target: &TargetArgs) -> Result<Self, Failure> {
        let token = target.token.read()?;
        let url = target.url.clone();
        let connecting = timeout(PATIENCE, connect(&url));
        let socket = connecting
            .await
            .map_err(|_| Failure::unreachable(format!("{url} does not answer")))??;
        let mut conversation = Self { url, socket };
        conversation.authenticate(token).await?;
        Ok(conversation)
    }

    async fn authenticate(&mut self, token: Option<String>) -> Result<(), Failure> {
        let auth = Auth {
            token,
            protocol: Some(PROTOCOL_VERSION),
            ..Auth::default()
        };
        self.send(ClientMessage::Auth(auth)).await?;
        loop {
            match self.answer().await? {
                ServerMessage::AuthSuccess(success) if success.extended.is_some() => return Ok(()),
                ServerMessage::AuthSuccess(_) => {
                    let message = format!("{} does not speak version {PROTOCOL_VERSION} of the protocol", self.url);
                    return Err(Failure::failed(message));
                }
                ServerMessage::Error(error) => return Err(failure(&error)),
                _ => {}
            }
        }
    }

    /// Sends a message.
    pub(crate) async fn send(&mut self, message: ClientMessage) -> Result<(), Failure> {
        let request = ClientRequest {
            reference: None,
            message,
        };
        let text = String::from(request.encode());
        let sent = self.socket.send(Message::text(text)).await;
        sent.map_err(|error| self.lost(&error))
    }

    /// The next message that is not a `ping`, which comes soon or never.
    pub(crate) async fn answer(&mut self) -> Result<ServerMessage, Failure> {
        match timeout(PATIENCE, self.next()).await {
            Ok(message) => message,
            Err(_) => Err(Failure::unreachable(format!("{} does not answer", self.url))),
        }
    }

    /// The next message that is not a `ping`, whenever it comes.
    pub(crate) async fn next(&mut self) -> Result<ServerMessage, Failure> {
        loop {
            let frame = match self.socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => return Err(self.closed(frame.map(|frame| frame.reason.to_string()))),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(self.lost(&error)),
                None => return Err(self.closed(None)),
            };
            let bytes: &Bytes = frame.as_ref();
            let text = ByteString::try_from(bytes.clone()).expect("the frame was checked to be UTF-8");
            let reply = ServerReply::decode(&text)
                .map_err(|error| Failure::failed(format!("{} sent what is not a message: {error}", self.url)))?;
            match reply.message {
                ServerMessage::Ping => self.send(ClientMessage::Pong).await?,
                message => return Ok(message),
            }
        }
    }

    /// Says goodbye; what the server answers is of no use any more.
    pub(crate) async fn close(mut self) {
        let _ = timeout(Duration::from_secs(1), self.socket.close(None)).await;
    }

    fn closed(&self, reason: Option<String>) -> Failure {
        match reason.filter(|reason| !reason.is_empty()) {
            Some(reason) => Failure::unreachable(format!("{} closed the connection: {reason}", self.url)),
            None => Failure::unreachable(format!("{} closed the connection", self.url)),
        }
    }

    fn lost(&self, error: &Error) -> Failure {
        Failure::unreachable(format!("the connection to {} is lost: {error}", self.url))
    }
}

/// A server's error as a command's.
pub(crate) fn failure(error: &ServerError) -> Failure {
    let message = format!("the server refuses: {}", error.message);
    match error.code {
        Some(ErrorCode::AuthFailed | ErrorCode::Forbidden | ErrorCode::NotAuthenticated | ErrorCode::TokenExpired) => {
            Failure::refused(message)
        }
        _ => Failure::failed(message),
    }
}

async fn connect(url: &Uri) -> Result<WebSocketStream<Box<dyn Socket>>, Failure> {
    let destination = Destination::of(url, WEBSOCKET)?;
    let unreachable = |error: &dyn std::fmt::Display| Failure::unreachable(format!("cannot reach {url}: {error}"));
    let socket = destination.connect().await.map_err(|error| unreachable(&error))?;
    let config = WebSocketConfig::default()
        .max_frame_size(Some(FRAME_BYTES))
        .max_message_size(Some(FRAME_BYTES));
    let (socket, _) = client_async_with_config(url.clone(), socket, Some(config))
        .await
        .map_err(|error| unreachable(&error))?;
    Ok(socket)
}
