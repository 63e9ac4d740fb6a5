//! The WebSocket handshake of a server without an HTTP server (RFC 6455 section 4.2).

use super::connection::Opening;
use crate::runtime::Socket;
use async_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};
use async_tungstenite::tungstenite::http::Version;
use async_tungstenite::tungstenite::http::header::{AUTHORIZATION, ORIGIN};
use driftless_core::name::Namespace;
use futures_util::{AsyncReadExt, AsyncWriteExt};

/// Largest request: a path, a few headers and a token.
const REQUEST_BYTES: usize = 16 << 10;

/// Most headers of a request: browsers send about twenty.
const HEADERS: usize = 64;

/// The end of a request without a body.
const END: &[u8] = b"\r\n\r\n";

/// Bytes read at a time.
const READ_BYTES: usize = 2 << 10;

/// What a refused request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal {
    status: &'static str,
    sentence: &'static str,
}

const TOO_LARGE: Refusal = Refusal {
    status: "431 Request Header Fields Too Large",
    sentence: "The request is too large",
};
const NOT_A_HANDSHAKE: Refusal = Refusal {
    status: "426 Upgrade Required",
    sentence: "This server speaks WebSocket: connect to it with ws:// or wss://",
};
const NOT_FOUND: Refusal = Refusal {
    status: "404 Not Found",
    sentence: "Clients connect to /sync or /sync/NAMESPACE",
};
const ORIGIN_REFUSED: Refusal = Refusal {
    status: "403 Forbidden",
    sentence: "Web pages may not use this server without authentication",
};

/// Shakes hands; `None` if the peer does not want a WebSocket, has been told so, or is gone. `pages` says whether web
/// pages of any origin may connect.
pub(super) async fn handshake(socket: &mut dyn Socket, pages: bool) -> Option<Opening> {
    let (answer, opening) = match request(socket).await? {
        Ok((request, read_ahead)) => judge(&request, read_ahead, pages),
        Err(refusal) => (refused(refusal), None),
    };
    socket.write_all(&answer).await.ok()?;
    socket.flush().await.ok()?;
    if opening.is_none() {
        // In order, so that the answer is not taken back by a reset.
        socket.close().await.ok()?;
        while socket.read(&mut [0; READ_BYTES]).await.ok()? > 0 {}
    }
    opening
}

/// Reads the request, and what came behind it; `None` if the peer hangs up first.
async fn request(socket: &mut dyn Socket) -> Option<Result<(Request, Vec<u8>), Refusal>> {
    let mut read = Vec::new();
    let mut buffer = [0; READ_BYTES];
    loop {
        let bytes = socket.read(&mut buffer).await.ok().filter(|bytes| *bytes > 0)?;
        let known = read.len();
        read.extend_from_slice(&buffer[..bytes]);
        // Gone through once, however small the pieces are that it comes in.
        let is_complete = read[known.saturating_sub(END.len())..]
            .windows(END.len())
            .any(|end| end == END);
        if !is_complete && read.len() <= REQUEST_BYTES && known > 0 {
            continue;
        }
        match parse(&read) {
            Ok(Some((length, request))) => return Some(Ok((request, read.split_off(length)))),
            Ok(None) if read.len() > REQUEST_BYTES => return Some(Err(TOO_LARGE)),
            Ok(None) => {}
            Err(refusal) => return Some(Err(refusal)),
        }
    }
}

/// A request and its length; `None` while it is not complete.
fn parse(bytes: &[u8]) -> Result<Option<(usize, Request)>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(TOO_LARGE),
        Err(_) => return Err(NOT_A_HANDSHAKE),
    };
    let mut request = Request::builder()
        .method(parsed.method.unwrap_or_default())
        .uri(parsed.path.unwrap_or_default());
    // The handshake asks for HTTP/1.1 (RFC 6455 section 4.1); a request of another version has to say less.
    request = request.version(match parsed.version {
        Some(1) => Version::HTTP_11,
        _ => Version::HTTP_10,
    });
    for header in parsed.headers {
        request = request.header(header.name, header.value);
    }
    let request = request.body(()).map_err(|_| NOT_A_HANDSHAKE)?;
    Ok(Some((length, request)))
}

fn judge(request: &Request, read_ahead: Vec<u8>, pages: bool) -> (Vec<u8>, Option<Opening>) {
    let Some(namespace) = namespace(request.uri().path()) else {
        return (refused(NOT_FOUND), None);
    };
    // A browser says which page a request comes from. Without authentication any web page could otherwise read a
    // developer's open server.
    if !pages && request.headers().contains_key(ORIGIN) {
        return (refused(ORIGIN_REFUSED), None);
    }
    let mut answer = Vec::new();
    let written = create_response(request).and_then(|response| write_response(&mut answer, &response));
    if written.is_err() {
        return (refused(NOT_A_HANDSHAKE), None);
    }
    let opening = Opening {
        namespace,
        token: bearer(request),
        read_ahead: read_ahead.into(),
    };
    (answer, Some(opening))
}

fn namespace(path: &str) -> Option<Namespace> {
    match path {
        "/" | "/sync" | "/sync/" => Some(Namespace::default()),
        path => Namespace::new(path.strip_prefix("/sync/")?).ok(),
    }
}

/// The token of `Authorization: Bearer` (RFC 6750 section 2.1).
fn bearer(request: &Request) -> Option<String> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

fn refused(refusal: Refusal) -> Vec<u8> {
    let Refusal { status, sentence } = refusal;
    let length = sentence.len() + 1;
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{sentence}\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDSHAKE: &str = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    fn answer(request: &str, pages: bool) -> (String, Option<Opening>) {
        let parsed = parse(request.as_bytes()).map(|parsed| parsed.unwrap());
        let (answer, opening) = match parsed {
            Ok((length, request_)) => judge(&request_, request.as_bytes()[length..].to_vec(), pages),
            Err(refusal) => (refused(refusal), None),
        };
        let answer = String::from_utf8(answer).unwrap();
        (answer.lines().next().unwrap().to_owned(), opening)
    }

    #[test]
    fn a_handshake_names_namespace_and_token() {
        let text = format!("GET /sync/tenant-1 HTTP/1.1\r\n{HANDSHAKE}Authorization: bearer abc\r\n\r\nmore");
        let (status, opening) = answer(&text, false);
        let opening = opening.unwrap();
        assert!(status.starts_with("HTTP/1.1 101"), "{status}");
        assert_eq!(&*opening.namespace, "tenant-1");
        assert_eq!(
            (opening.token.as_deref(), &*opening.read_ahead),
            (Some("abc"), &b"more"[..])
        );
    }

    #[test]
    fn what_is_no_handshake_is_told_why() {
        let status = |line: &str, headers: &str, pages| answer(&format!("{line}\r\n{headers}\r\n"), pages).0;
        assert_eq!(status("GET /x HTTP/1.1", HANDSHAKE, false), "HTTP/1.1 404 Not Found");
        assert_eq!(
            status("GET /sync/a b HTTP/1.1", HANDSHAKE, false),
            "HTTP/1.1 426 Upgrade Required"
        );
        assert_eq!(
            status("GET / HTTP/1.1", "Host: x\r\n", false),
            "HTTP/1.1 426 Upgrade Required"
        );
        assert_eq!(
            status("GET / HTTP/1.0", HANDSHAKE, false),
            "HTTP/1.1 426 Upgrade Required"
        );
        let from_a_page = format!("{HANDSHAKE}Origin: https://example.org\r\n");
        assert_eq!(
            status("GET /sync HTTP/1.1", &from_a_page, false),
            "HTTP/1.1 403 Forbidden"
        );
        assert!(status("GET /sync HTTP/1.1", &from_a_page, true).contains("101"));
    }

    #[test]
    fn a_request_is_waited_for_until_it_is_complete_or_wrong() {
        assert!(parse(b"GET / HTTP/1.1\r\nHost:").unwrap().is_none());
        assert_eq!(parse(b"\x16\x03\x01").unwrap_err(), NOT_A_HANDSHAKE);
        let headers = "a: b\r\n".repeat(HEADERS + 1);
        assert_eq!(
            parse(format!("GET / HTTP/1.1\r\n{headers}\r\n").as_bytes()).unwrap_err(),
            TOO_LARGE
        );
    }
}
