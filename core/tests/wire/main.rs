//! The bytes of every message, what is read of them, and the laws of the codec.

#![allow(clippy::unwrap_used)]

/// Compares text with the kept snapshot of the calling test.
macro_rules! assert_kept {
    ($text:expr) => {
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!($text) })
    };
}

mod errors;
mod laws;
mod messages;
mod reading;
mod samples;
mod splice;
