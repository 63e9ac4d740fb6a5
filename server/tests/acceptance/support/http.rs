//! One HTTP/1.1 request a connection (RFC 9112), as curl would make it.

use super::event::Event;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) fn get(address: SocketAddr, target: &str) -> Response {
    try_get(address, target).unwrap()
}

/// `None` if the server cannot be reached or hangs up.
pub(crate) fn try_get(address: SocketAddr, target: &str) -> Option<Response> {
    request(address, "GET", target, "")
}

pub(crate) fn post(address: SocketAddr, target: &str, body: &str) -> Response {
    request(address, "POST", target, body).unwrap()
}

/// The whole log of a repository, page by page.
pub(crate) fn log(address: SocketAddr, repository: &str) -> Vec<Event> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Page {
        events: Vec<Box<RawValue>>,
        has_more: bool,
    }
    let mut log: Vec<Event> = Vec::new();
    loop {
        let after = log.last().map_or(0, Event::sequence);
        let target = format!("/api/events/{repository}?afterSequence={after}&limit=1000");
        let response = get(address, &target);
        assert_eq!(response.status, 200, "{}", response.body);
        let page: Page = serde_json::from_str(&response.body).unwrap();
        log.extend(page.events.into_iter().map(Event::from));
        if !page.has_more {
            return log;
        }
    }
}

fn request(address: SocketAddr, method: &str, target: &str, body: &str) -> Option<Response> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(super::wait::PATIENCE)).ok()?;
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    parse(&answer)
}

fn parse(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let body = &answer[end + 4..];
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunk(body)? } else { body.to_vec() };
    Some(Response {
        status: head.split(' ').nth(1)?.parse().ok()?,
        body: String::from_utf8(body).ok()?,
    })
}

fn unchunk(mut coded: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = coded.windows(2).position(|bytes| bytes == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&coded[..line]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        coded = &coded[line + 2..];
        body.extend_from_slice(coded.get(..length)?);
        coded = coded.get(length + 2..)?;
    }
}
