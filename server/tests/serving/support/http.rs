//! One HTTP/1.1 request a connection, as curl would make it.

use super::PATIENCE;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The first header of a name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Asserts that it is an error as the protocol writes them.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: &str, message: &str) {
        assert_eq!(self.status, status, "{self:?}");
        let body = self.json();
        assert_eq!(body["statusCode"], status, "{body}");
        assert_eq!(body["code"], code, "{body}");
        let found = body["error"].as_str().unwrap();
        assert!(found.contains(message), "{found:?} does not say {message:?}");
    }
}

pub(crate) fn get(address: SocketAddr, target: &str) -> Response {
    send(address, "GET", target, &[], b"")
}

pub(crate) fn post(address: SocketAddr, target: &str, body: &str) -> Response {
    send(address, "POST", target, &[], body.as_bytes())
}

/// A request with more headers.
pub(crate) fn send(address: SocketAddr, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let mut request = head(address, method, target, headers, Some(body.len())).into_bytes();
    request.extend_from_slice(body);
    exchange(address, &request).unwrap()
}

/// The head of a request that closes its connection.
pub(crate) fn head(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    length: Option<usize>,
) -> String {
    let mut head = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        write!(head, "Host: {address}\r\n").unwrap();
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    if let Some(length) = length {
        write!(head, "Content-Length: {length}\r\n").unwrap();
    }
    head + "\r\n"
}

/// Sends bytes and reads the answer until the server closes.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> io::Result<Response> {
    let mut stream = connect(address);
    stream.write_all(request)?;
    answer(&mut stream)
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads an answer until the server closes.
pub(crate) fn answer(stream: &mut TcpStream) -> io::Result<Response> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(Response {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
