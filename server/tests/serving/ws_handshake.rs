//! How a connection becomes a WebSocket.

use crate::support::http::{answer, connect, get, head};
use crate::support::{Server, socket};
use std::io::{Read, Write};

#[test]
fn every_path_of_the_protocol_upgrades() {
    let server = Server::start();
    for path in ["/", "/sync", "/sync/tenant", "/sync?anything=1"] {
        let mut socket = socket::open(server.address, path);
        socket::say(&mut socket, r#"{"type":"ping"}"#);
        assert_eq!(socket::hear(&mut socket)["type"], "pong", "{path}");
    }
    for path in ["/other", "/sync/a/b", "/api"] {
        assert_eq!(socket::refused(server.address, path, &[]), 404, "{path}");
    }
    assert_eq!(socket::refused(server.address, "/sync/not.a.namespace", &[]), 400);
}

#[test]
fn the_accept_key_is_the_one_of_the_rfc() {
    let server = Server::start();
    let mut stream = connect(server.address);
    // The example of RFC 6455 section 1.3.
    let request = "GET /sync HTTP/1.1\r\nHost: localhost\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0].into());
    }
    let text = text.to_ascii_lowercase();
    assert!(text.starts_with("http/1.1 101 "), "{text}");
    assert!(
        text.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"),
        "{text}"
    );
}

#[test]
fn frames_sent_with_the_handshake_are_read() {
    let server = Server::start();
    let mut stream = connect(server.address);
    let mut request = head(
        server.address,
        "GET",
        "/sync",
        &[
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", "13"),
        ],
        None,
    )
    .replace("Connection: close\r\n", "")
    .into_bytes();
    // A masked text frame with an all-zero mask.
    let ping = br#"{"type":"ping"}"#;
    request.extend_from_slice(&[0x81, 0x80 | u8::try_from(ping.len()).unwrap(), 0, 0, 0, 0]);
    request.extend_from_slice(ping);
    stream.write_all(&request).unwrap();
    let mut received = Vec::new();
    while !received.ends_with(br#"{"type":"pong"}"#) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        received.push(byte[0]);
    }
}

#[test]
fn a_handshake_that_is_not_one_is_refused() {
    let server = Server::start();
    let get_sync = get(server.address, "/sync");
    get_sync.assert_error(426, "bad_message", "WebSocket");
    for headers in [
        vec![("Upgrade", "websocket"), ("Connection", "Upgrade")],
        vec![("Upgrade", "h2c"), ("Connection", "Upgrade")],
        vec![
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "short"),
            ("Sec-WebSocket-Version", "13"),
        ],
        vec![
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", "8"),
        ],
    ] {
        let mut stream = connect(server.address);
        let request = head(server.address, "GET", "/sync", &headers, None).replace("Connection: close\r\n", "");
        let request = request.replace("Connection: Upgrade", "Connection: close, Upgrade");
        stream.write_all(request.as_bytes()).unwrap();
        let refused = answer(&mut stream).unwrap();
        refused.assert_error(400, "bad_message", "Not a WebSocket handshake");
    }
}

#[test]
fn a_person_who_looks_gets_a_word() {
    let server = Server::start();
    let root = get(server.address, "/");
    assert_eq!(root.status, 200);
    assert!(root.body.contains("Driftless server"), "{}", root.body);
}
