//! Cuts runs of events into frames.

use crate::event::EventBatch;

/// Where the frame ends that starts with the event at `from`: the index behind its last event.
///
/// It takes as many events as fit `budget` bytes, at least one. With `alike` it takes only events that the published
/// package can all read, or none of them: that client drops the rest of a frame at the first one it cannot read.
pub(super) fn frame_end(batch: &EventBatch, from: usize, budget: usize, alike: bool) -> usize {
    let complete = batch.event(from).map(|event| event.package_complete);
    let mut bytes = 0usize;
    let mut to = from;
    while let Some(event) = batch.event(to) {
        bytes = bytes.saturating_add(event.text.len() + 1);
        let fits = bytes <= budget && (!alike || complete == Some(event.package_complete));
        if to > from && !fits {
            break;
        }
        to += 1;
    }
    to
}
