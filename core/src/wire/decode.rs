//! What the decoders of both directions share.
