//! Reads a request's body, within limits of size, time and memory.

use super::answer::Refused;
use super::service::HttpLimits;
use bytes::BytesMut;
use bytestring::ByteString;
use driftless_core::event::{MAX_DEPTH, depth_exceeds};
use driftless_core::wire::ErrorCode;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{EXPECT, HeaderMap};
use hyper::{Request, StatusCode};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// What a permit of the memory for bodies stands for.
const PERMIT_BYTES: usize = 64 << 10;

/// How much of a body that is too large is read and thrown away, so that the client is still there when the answer
/// comes; one that sends more finds the connection closed.
const DISCARDED_BYTES: usize = 64 << 20;

/// The memory that all bodies being read or handled share.
#[derive(Debug)]
pub(super) struct BodyMemory(Arc<Semaphore>);

impl BodyMemory {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / PERMIT_BYTES)))
    }
}

/// A body, and its share of the memory for bodies.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) text: ByteString,
    _memory: Vec<OwnedSemaphorePermit>,
}

impl Body {
    /// Reads the whole body as text that may be JSON: its brackets do not nest too deep.
    pub(super) async fn read(
        request: Request<Incoming>,
        limits: &HttpLimits,
        memory: &BodyMemory,
    ) -> Result<Self, Refused> {
        let (head, incoming) = request.into_parts();
        let reading = read_within(&head.headers, incoming, limits.body_bytes, memory);
        let Ok(read) = timeout(limits.body_timeout, reading).await else {
            let message = "The request's body did not come in time";
            return Err(Refused::new(
                StatusCode::REQUEST_TIMEOUT,
                ErrorCode::BadMessage,
                message,
            ));
        };
        let (bytes, memory) = read?;
        let text = ByteString::try_from(bytes.freeze()).map_err(|_| Refused::bad("The request's body is not UTF-8"))?;
        if depth_exceeds(&text, MAX_DEPTH) {
            let message = format!("The request's body nests deeper than {MAX_DEPTH} levels");
            return Err(Refused::bad(message));
        }
        Ok(Self { text, _memory: memory })
    }
}

async fn read_within(
    headers: &HeaderMap,
    mut incoming: Incoming,
    limit: usize,
    memory: &BodyMemory,
) -> Result<(BytesMut, Vec<OwnedSemaphorePermit>), Refused> {
    let declared = usize::try_from(incoming.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > limit && headers.contains_key(EXPECT) {
        // The client waits for a word before it sends anything.
        return Err(too_large(limit));
    }
    let (mut bytes, mut held) = (BytesMut::new(), Vec::new());
    let mut discarded = 0;
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|_| Refused::bad("The request's body was cut off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if discarded > 0 || declared > limit || bytes.len() + data.len() > limit {
            bytes.clear();
            discarded += data.len();
            if discarded > DISCARDED_BYTES {
                break;
            }
            continue;
        }
        reserve(&mut held, bytes.len() + data.len(), memory)?;
        bytes.extend_from_slice(&data);
    }
    if discarded > 0 {
        Err(too_large(limit))
    } else {
        Ok((bytes, held))
    }
}

fn reserve(held: &mut Vec<OwnedSemaphorePermit>, bytes: usize, memory: &BodyMemory) -> Result<(), Refused> {
    while held.len() * PERMIT_BYTES < bytes {
        let permit = memory.0.clone().try_acquire_owned();
        held.push(permit.map_err(|_| Refused::rate_limited("The server is reading too many requests; try again"))?);
    }
    Ok(())
}

fn too_large(limit: usize) -> Refused {
    let message = format!("The request's body is larger than {limit} bytes");
    Refused::too_large(ErrorCode::EventTooLarge, message)
}
