//! Peers of other versions.
