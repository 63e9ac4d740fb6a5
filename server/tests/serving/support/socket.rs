//! A WebSocket that shows exactly what came.

use super::http::connect;
use serde_json::Value;
use std::net::{SocketAddr, TcpStream};
use tungstenite::handshake::client::Request;
use tungstenite::{Message, WebSocket};

pub(crate) type Socket = WebSocket<TcpStream>;

/// The request of a handshake, with more headers.
pub(crate) fn handshake(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::builder()
        .uri(format!("ws://{address}{path}"))
        .header("Host", address.to_string())
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

pub(crate) fn open(address: SocketAddr, path: &str) -> Socket {
    open_with(address, path, &[])
}

pub(crate) fn open_with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Socket {
    let request = handshake(address, path, headers);
    tungstenite::client::client(request, connect(address)).unwrap().0
}

/// The HTTP status with which a handshake is refused.
pub(crate) fn refused(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> u16 {
    let request = handshake(address, path, headers);
    match tungstenite::client::client(request, connect(address)) {
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the handshake was taken"),
    }
}

/// Sends one text frame.
pub(crate) fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).unwrap();
}

/// The next text frame.
pub(crate) fn hear(socket: &mut Socket) -> Value {
    match socket.read().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Authenticates as a plain peer.
pub(crate) fn plain(address: SocketAddr, path: &str) -> Socket {
    let mut socket = open(address, path);
    say(&mut socket, r#"{"type":"auth"}"#);
    assert_eq!(hear(&mut socket)["type"], "auth_success");
    socket
}

/// Authenticates as an extended peer and subscribes a repository from its start.
pub(crate) fn subscribed(address: SocketAddr, path: &str, repository: &str) -> Socket {
    let mut socket = open(address, path);
    say(&mut socket, r#"{"type":"auth","protocol":1}"#);
    assert_eq!(hear(&mut socket)["protocol"], 1);
    let subscribe = format!(r#"{{"type":"subscribe","repositories":{{"{repository}":{{"afterSequence":0}}}}}}"#);
    say(&mut socket, &subscribe);
    socket
}

/// Reads on until the close frame; its code.
pub(crate) fn close_code(socket: &mut Socket) -> u16 {
    loop {
        if let Message::Close(frame) = socket.read().unwrap() {
            return frame.unwrap().code.into();
        }
    }
}
