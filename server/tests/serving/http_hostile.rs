//! Clients that are slow, large or many.

use crate::support::http::{answer, connect, exchange, get, head};
use crate::support::{Server, Setup, socket, until};
use driftless_server::http::HttpLimits;
use std::io::{Read, Write};
use std::time::Duration;

fn limited(http: HttpLimits) -> Server {
    Server::with(Setup {
        http,
        ..Setup::default()
    })
}

#[test]
fn a_request_that_never_ends_is_hung_up_on() {
    let server = limited(HttpLimits {
        head_timeout: Duration::from_millis(200),
        ..HttpLimits::default()
    });
    for begun in [
        "",
        "GET / HTTP/1.1\r\nHost: loc",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
    ] {
        let mut stream = connect(server.address);
        stream.write_all(begun.as_bytes()).unwrap();
        let mut rest = Vec::new();
        // Some systems reset a connection that is closed with bytes unread; either way it is over.
        let _ = stream.read_to_end(&mut rest);
        let text = String::from_utf8(rest).unwrap();
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408 "), "{text}");
    }
    assert_eq!(get(server.address, "/healthz").status, 200);
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    let server = limited(HttpLimits {
        body_timeout: Duration::from_millis(200),
        ..HttpLimits::default()
    });
    let mut stream = connect(server.address);
    let head = head(server.address, "POST", "/api/events/users", &[], Some(100));
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(b"{").unwrap();
    let refused = answer(&mut stream).unwrap();
    refused.assert_error(408, "bad_message", "in time");
}

#[test]
fn a_head_over_its_limit_is_refused() {
    let server = Server::start();
    let long = "x".repeat(64 << 10);
    let refused = exchange(server.address, format!("GET /{long} HTTP/1.1\r\n\r\n").as_bytes());
    // The server may hang up before it has read all of it.
    if let Ok(refused) = refused {
        assert!([414, 431].contains(&refused.status), "{refused:?}");
    }
    assert_eq!(get(server.address, "/healthz").status, 200);
}

#[test]
fn bodies_share_a_bounded_memory() {
    let server = limited(HttpLimits {
        bodies_bytes: 128 << 10,
        ..HttpLimits::default()
    });
    let hold = || {
        let mut stream = connect(server.address);
        let begun = head(server.address, "POST", "/api/events/users", &[], Some(200 << 10));
        stream.write_all(begun.as_bytes()).unwrap();
        stream.write_all(&vec![b' '; 100 << 10]).unwrap();
        stream
    };
    let mut holding = hold();
    let event = format!(r#"{{"eventId":"e","x":"{}"}}"#, "x".repeat(65 << 10));
    let request = head(server.address, "POST", "/api/events/users", &[], Some(event.len())) + &event;
    until("a refusal", || {
        let answer = exchange(server.address, request.as_bytes()).unwrap();
        if answer.status == 429 {
            answer.assert_error(429, "rate_limited", "try again");
            return Some(());
        }
        // It was there first, and may have got the other one refused.
        holding = hold();
        None
    });
    drop(holding);
    until("room", || {
        let pushed = exchange(server.address, request.as_bytes()).unwrap();
        (pushed.status == 201).then_some(())
    });
}

#[test]
fn a_connection_over_the_limit_is_told_so() {
    let server = Server::with(Setup {
        max_connections: 2,
        ..Setup::default()
    });
    let socket = socket::plain(server.address, "/sync");
    let idle = connect(server.address);
    let refused = until("a refusal", || {
        let mut stream = connect(server.address);
        // The request is not read: asking would only get the answer reset.
        answer(&mut stream).ok()
    });
    refused.assert_error(503, "rate_limited", "too many connections");
    drop((socket, idle));
    until("room", || {
        let request = head(server.address, "GET", "/healthz", &[], None);
        exchange(server.address, request.as_bytes())
            .is_ok_and(|answer| answer.status == 200)
            .then_some(())
    });
}

#[test]
fn what_is_not_http_is_answered_and_forgotten() {
    let server = Server::start();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"SSH-2.0-x\r\n\r\n",
        b"GET\r\n\r\n",
        b"\r\n\r\n\r\n",
    ] {
        let mut stream = connect(server.address);
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    assert_eq!(get(server.address, "/healthz").status, 200);
}

#[test]
fn a_body_in_chunks_is_read() {
    let server = Server::start();
    let head = head(
        server.address,
        "POST",
        "/api/events/users",
        &[("Transfer-Encoding", "chunked")],
        None,
    );
    let body = "8\r\n{\"eventI\r\n7\r\nd\":\"e\"}\r\n0\r\n\r\n";
    let pushed = exchange(server.address, (head + body).as_bytes()).unwrap();
    assert_eq!(pushed.status, 201, "{pushed:?}");
}
