//! Responses, and the errors that a request can end with.

use bytes::Bytes;
use driftless_core::wire::ErrorCode;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde::Serialize;
use std::borrow::Cow;

/// A response with a whole body.
pub(super) type Answer = Response<Full<Bytes>>;

/// Why a request is refused: what goes into `{"error", "code", "statusCode"}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    /// The methods that the path takes, where the method was the fault.
    allow: Option<&'static str>,
}

impl Refused {
    /// A refusal with a code of the protocol.
    pub(super) fn new(status: StatusCode, code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code: code.as_str(),
            message: message.into(),
            allow: None,
        }
    }

    /// 400: the request is not one.
    pub(super) fn bad(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadMessage, message)
    }

    /// 400: an event of the request is not one.
    pub(super) fn invalid_event(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidEvent, message)
    }

    /// 413: something is over a size limit.
    pub(super) fn too_large(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, message)
    }

    /// 403.
    pub(super) fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message)
    }

    /// 429: too much at once.
    pub(super) fn rate_limited(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, message)
    }

    /// 503: the store does not answer. The published server's words.
    pub(super) fn no_store() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::StoreUnavailable,
            "Database not connected",
        )
    }

    /// 404 for a path that leads nowhere. The published server's words.
    pub(super) fn no_endpoint() -> Self {
        Self::not_found("Endpoint not found")
    }

    /// 404 for a thing that is not there.
    pub(super) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "not_found",
            message: message.into(),
            allow: None,
        }
    }

    /// 405 for a path that takes other methods. The published server's words.
    pub(super) fn method(allow: &'static str) -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: "method_not_allowed",
            message: "Method not allowed".into(),
            allow: Some(allow),
        }
    }

    /// The refusal of an event at a place in a batch.
    pub(super) fn at(mut self, index: usize) -> Self {
        self.message = format!("{} (events[{index}])", self.message).into();
        self
    }

    /// The body's fields.
    pub(super) fn body(&self) -> ErrorBody<'_> {
        ErrorBody {
            error: &self.message,
            code: self.code,
            status_code: self.status.as_u16(),
        }
    }
}

/// What an error's body says.
#[derive(Debug, Serialize)]
pub(super) struct ErrorBody<'a> {
    error: &'a str,
    code: &'static str,
    #[serde(rename = "statusCode")]
    status_code: u16,
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        let mut answer = json(refused.status, &refused.body());
        if refused.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            answer.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        if let Some(allow) = refused.allow {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        answer
    }
}

/// A JSON body of known fields.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let text = serde_json::to_string(body).expect("fields with string keys have a JSON text");
    json_text(status, text)
}

/// A JSON body that is already text.
pub(super) fn json_text(status: StatusCode, text: String) -> Answer {
    typed(status, "application/json; charset=utf-8", text)
}

/// A plain text body.
pub(super) fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    typed(status, "text/plain; charset=utf-8", text)
}

/// A body of a type.
pub(super) fn typed(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
