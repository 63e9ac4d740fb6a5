//! How connections end, and what the WebSocket does below the protocol's messages.

use crate::support::http::{connect, get, send};
use crate::support::socket::{close_code, hear, open, plain, say, subscribed};
use crate::support::{Server, Setup, until};
use driftless_core::server::ServerLimits;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::{Bytes, Error, Message};

fn limited(limits: ServerLimits) -> Server {
    Server::with(Setup {
        limits,
        ..Setup::default()
    })
}

fn active(server: &Server) -> u64 {
    get(server.address, "/api/health").json()["activeConnections"]
        .as_u64()
        .unwrap()
}

#[test]
fn a_frame_over_the_limit_closes_with_1009() {
    let limits = ServerLimits {
        frame_bytes: 1_000,
        ..ServerLimits::default()
    };
    let server = limited(limits);
    for (whole, size) in [(true, 1_001), (true, 3 << 20), (false, 600)] {
        let mut socket = plain(server.address, "/sync");
        let text = "x".repeat(size);
        if whole {
            // The server closes while the frame is still being sent.
            let _ = socket.send(Message::text(text));
        } else {
            let part = |opcode, last| Message::Frame(Frame::message(text.clone(), OpCode::Data(opcode), last));
            socket.send(part(Data::Text, false)).unwrap();
            socket.send(part(Data::Continue, true)).unwrap();
        }
        assert_eq!(close_code(&mut socket), 1009, "{whole} {size}");
    }
    let mut fits = plain(server.address, "/sync");
    say(&mut fits, &format!(r#"{{"type":"ping","x":"{}"}}"#, "x".repeat(900)));
    assert_eq!(hear(&mut fits)["type"], "pong");
}

#[test]
fn a_stranger_gets_small_frames_only() {
    let server = Server::start();
    let large = format!(r#"{{"type":"ping","x":"{}"}}"#, "x".repeat(2 << 20));
    let mut stranger = open(server.address, "/sync");
    // The server closes while the frame is still being sent.
    let _ = stranger.send(Message::text(large.clone()));
    assert_eq!(close_code(&mut stranger), 1009);
    let mut known = plain(server.address, "/sync");
    say(&mut known, &large);
    assert_eq!(hear(&mut known)["type"], "pong");
}

#[test]
fn what_breaks_the_websocket_protocol_closes_with_its_codes() {
    let server = Server::start();
    for (bytes, code) in [
        // Text that is not UTF-8, masked with zeros.
        (&b"\x81\x82\0\0\0\0\xff\xff"[..], 1007),
        // Not masked.
        (b"\x81\x02{}", 1002),
        // A reserved bit.
        (b"\xc1\x82\0\0\0\0{}", 1002),
        // A continuation of nothing.
        (b"\x80\x82\0\0\0\0{}", 1002),
    ] {
        let mut socket = plain(server.address, "/sync");
        socket.get_mut().write_all(bytes).unwrap();
        assert_eq!(close_code(&mut socket), code, "{bytes:?}");
    }
    until("all to be gone", || (active(&server) == 0).then_some(()));
}

#[test]
fn a_message_in_fragments_with_a_ping_between_is_one_message() {
    let server = Server::start();
    let mut socket = plain(server.address, "/sync");
    let part = |text: &'static str, opcode, last| Message::Frame(Frame::message(text, OpCode::Data(opcode), last));
    socket.send(part(r#"{"type""#, Data::Text, false)).unwrap();
    socket
        .send(Message::Ping(Bytes::from_static(b"are you there")))
        .unwrap();
    socket.send(part(r#":"ping"}"#, Data::Continue, true)).unwrap();
    let pong = socket.read().unwrap();
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"are you there")));
    assert_eq!(hear(&mut socket)["type"], "pong");
}

#[test]
fn a_close_is_answered_and_the_connection_forgotten() {
    let server = Server::start();
    let mut socket = plain(server.address, "/sync");
    let goodbye = CloseFrame {
        code: CloseCode::Normal,
        reason: "bye".into(),
    };
    socket.close(Some(goodbye)).unwrap();
    assert_eq!(close_code(&mut socket), 1000);
    assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
    until("it to be gone", || (active(&server) == 0).then_some(()));
}

#[test]
fn a_peer_that_vanishes_is_forgotten() {
    let server = Server::start();
    let sockets: Vec<_> = (0..5).map(|_| subscribed(server.address, "/sync", "users")).collect();
    assert_eq!(active(&server), 5);
    drop(sockets);
    until("all to be gone", || (active(&server) == 0).then_some(()));
    let pushed = send(server.address, "POST", "/api/events/users", &[], br#"{"eventId":"e"}"#);
    assert_eq!(pushed.status, 201);
}

#[test]
fn whoever_does_not_authenticate_is_closed() {
    let limits = ServerLimits {
        auth_timeout: Duration::from_millis(100),
        ..ServerLimits::default()
    };
    let server = limited(limits);
    let mut socket = open(server.address, "/sync");
    assert_eq!(close_code(&mut socket), 4401);
}

#[test]
fn whoever_is_silent_after_a_ping_is_closed() {
    let limits = ServerLimits {
        heartbeat_interval: Duration::from_millis(100),
        heartbeat_timeout: Duration::from_millis(100),
        ..ServerLimits::default()
    };
    let server = limited(limits);
    let mut socket = plain(server.address, "/sync");
    assert_eq!(hear(&mut socket)["type"], "ping");
    assert_eq!(close_code(&mut socket), 4408);
}

#[test]
fn a_stopping_server_closes_with_1012_and_ends() {
    let mut server = Server::start();
    let mut sockets = [
        plain(server.address, "/sync"),
        subscribed(server.address, "/sync", "users"),
    ];
    server.stop();
    for socket in &mut sockets {
        assert_eq!(close_code(socket), 1012);
    }
    drop(server);
}

#[test]
fn a_stop_does_not_wait_for_connections_that_ask_for_nothing() {
    let mut server = Server::start();
    let mut silent = connect(server.address);
    // The answer shows that the connection before it was accepted as well.
    assert_eq!(get(server.address, "/healthz").status, 200);
    let before = Instant::now();
    server.stop();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    drop(server);
    assert!(before.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_peer_that_pings_and_does_not_read_is_not_read_from_until_it_does() {
    let limits = ServerLimits {
        // The server's own ping must not wake what has gone to sleep.
        heartbeat_interval: Duration::from_hours(1),
        ..ServerLimits::default()
    };
    let server = limited(limits);
    let mut socket = plain(server.address, "/sync");
    // Masked with zeros; the answers are as long.
    let ping = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[b'x'; 125]].concat();
    let mut writer = socket.get_mut().try_clone().unwrap();
    let left = flood(&mut writer, &ping);
    assert_eq!(get(server.address, "/healthz").status, 200);
    let rest = thread::spawn(move || {
        writer.write_all(&left).unwrap();
        // {"type":"ping"}, masked with zeros.
        writer.write_all(b"\x81\x8f\0\0\0\0{\"type\":\"ping\"}").unwrap();
    });
    let answer = loop {
        match socket.read().unwrap() {
            Message::Pong(_) => {}
            other => break other,
        }
    };
    assert_eq!(answer, Message::text(r#"{"type":"pong"}"#));
    rest.join().unwrap();
}

/// Writes the same bytes again and again until nothing more is taken; the part that is missing then.
fn flood(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let many = bytes.repeat(100);
    let (mut written, most) = (0, 1 << 30);
    while written < most {
        match stream.write(&many[written % bytes.len()..]) {
            Ok(taken) => written += taken,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                stream.set_write_timeout(None).unwrap();
                return bytes[written % bytes.len()..].to_vec();
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("everything was taken");
}
