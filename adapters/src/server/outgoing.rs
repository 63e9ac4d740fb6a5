//! What a connection has to send: frames whose payloads are shared with other connections, and bytes of its own.

use async_tungstenite::tungstenite::protocol::frame::FrameHeader;
use async_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use bytes::{Buf, Bytes};
use bytestring::ByteString;
use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

/// Frames handed to the socket in one write. A frame is two slices, and systems take at most 1,024 slices.
const FRAMES_A_WRITE: usize = 64;

/// Longest header of a frame without a mask (RFC 6455 section 5.2).
const HEADER_BYTES: usize = 10;

/// Bytes copied together for a socket that takes one slice at a time.
const COPIED_BYTES: usize = 64 << 10;

/// The bytes that wait for a socket, in order. Payloads are never copied into a buffer of the connection's.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    chunks: VecDeque<Chunk>,
    /// Bytes in chunks that are not data frames: pongs and the like, which a peer can cause without limit.
    control_bytes: usize,
    /// Payload bytes of data frames that the socket took since the last [`Outgoing::take_flushed`].
    flushed: usize,
}

#[derive(Debug)]
struct Chunk {
    /// The frame's header, formatted; empty for bytes that are framed already.
    header: [u8; HEADER_BYTES],
    header_from: u8,
    header_to: u8,
    payload: Bytes,
    /// Whether the payload counts as flushed when the socket takes it.
    counted: bool,
}

impl Outgoing {
    /// Queues an unmasked text frame.
    pub(crate) fn text(&mut self, payload: ByteString) {
        let payload = payload.into_bytes();
        let header = FrameHeader {
            is_final: true,
            opcode: OpCode::Data(Data::Text),
            ..FrameHeader::default()
        };
        let length = payload.len() as u64;
        let mut buffer = [0; HEADER_BYTES];
        let mut rest = &mut buffer[..];
        header
            .format(length, &mut rest)
            .expect("a buffer of the largest size takes every header");
        let header_to = u8::try_from(HEADER_BYTES - rest.len()).expect("a header is at most ten bytes long");
        self.chunks.push_back(Chunk {
            header: buffer,
            header_from: 0,
            header_to,
            payload,
            counted: true,
        });
    }

    /// Queues bytes that are framed already.
    pub(crate) fn framed(&mut self, bytes: &[u8]) {
        self.control_bytes += bytes.len();
        self.chunks.push_back(Chunk {
            header: [0; HEADER_BYTES],
            header_from: 0,
            header_to: 0,
            payload: Bytes::copy_from_slice(bytes),
            counted: false,
        });
    }

    /// Whether the socket has taken everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Bytes that wait and are not data frames.
    pub(crate) fn control_bytes(&self) -> usize {
        self.control_bytes
    }

    /// Payload bytes of data frames that the socket took since the last call.
    pub(crate) fn take_flushed(&mut self) -> usize {
        std::mem::take(&mut self.flushed)
    }

    /// Drops everything: the socket is gone.
    pub(crate) fn clear(&mut self) {
        self.chunks = VecDeque::new();
        self.control_bytes = 0;
    }

    /// Writes until nothing is left, returning how many bytes the socket took, or until it takes no more.
    pub(crate) fn write(&mut self, io: &mut impl Write, vectored: bool) -> io::Result<()> {
        while !self.chunks.is_empty() {
            let taken = if vectored {
                self.write_slices(io)?
            } else {
                self.write_copy(io)?
            };
            if taken == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.advance(taken);
        }
        // A burst must not be paid for in memory as long as the connection lives.
        self.chunks.shrink_to(4);
        Ok(())
    }

    fn write_slices(&self, io: &mut impl Write) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); FRAMES_A_WRITE * 2];
        let mut used = 0;
        for slice in self.slices().take(slices.len()) {
            slices[used] = IoSlice::new(slice);
            used += 1;
        }
        io.write_vectored(&slices[..used])
    }

    fn write_copy(&self, io: &mut impl Write) -> io::Result<usize> {
        let mut copy = Vec::new();
        for slice in self.slices() {
            if copy.len() + slice.len() > COPIED_BYTES && !copy.is_empty() {
                break;
            }
            copy.extend_from_slice(slice);
        }
        io.write(&copy)
    }

    /// What waits, in order, without empty slices.
    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let parts = self
            .chunks
            .iter()
            .flat_map(|chunk| [chunk.header(), &chunk.payload[..]]);
        parts.filter(|slice| !slice.is_empty())
    }

    fn advance(&mut self, mut taken: usize) {
        while taken > 0 {
            let chunk = self
                .chunks
                .front_mut()
                .expect("a socket takes no more than it is given");
            taken -= chunk.advance_header(taken);
            let part = taken.min(chunk.payload.len());
            chunk.payload.advance(part);
            taken -= part;
            if chunk.counted {
                self.flushed += part;
            } else {
                self.control_bytes -= part;
            }
            if chunk.header().is_empty() && chunk.payload.is_empty() {
                self.chunks.pop_front();
            }
        }
    }
}

impl Chunk {
    fn header(&self) -> &[u8] {
        &self.header[usize::from(self.header_from)..usize::from(self.header_to)]
    }

    /// Drops up to `taken` bytes of the header; says how many.
    fn advance_header(&mut self, taken: usize) -> usize {
        let part = u8::try_from(taken)
            .unwrap_or(u8::MAX)
            .min(self.header_to - self.header_from);
        self.header_from += part;
        usize::from(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes at a time.
    struct Trickle {
        taken: Vec<u8>,
        step: usize,
        writes: usize,
    }

    impl Write for Trickle {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.writes += 1;
            let part = bytes.len().min(self.step);
            self.taken.extend_from_slice(&bytes[..part]);
            Ok(part)
        }
        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            self.write(&slices.iter().flat_map(|slice| slice.to_vec()).collect::<Vec<u8>>())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn filled() -> Outgoing {
        let mut outgoing = Outgoing::default();
        outgoing.text("hello".into());
        outgoing.framed(&[0x8a, 0]);
        outgoing.text("x".repeat(300).into());
        outgoing
    }

    fn expected() -> Vec<u8> {
        let mut bytes = b"\x81\x05hello\x8a\x00\x81\x7e\x01\x2c".to_vec();
        bytes.extend_from_slice("x".repeat(300).as_bytes());
        bytes
    }

    #[test]
    fn every_split_of_the_bytes_gives_the_same_frames() {
        for (step, vectored) in (1..320).flat_map(|step| [(step, true), (step, false)]) {
            let mut socket = Trickle {
                taken: Vec::new(),
                step,
                writes: 0,
            };
            let mut outgoing = filled();
            outgoing.write(&mut socket, vectored).unwrap();
            assert_eq!(socket.taken, expected(), "{step} {vectored}");
            assert_eq!(outgoing.take_flushed(), 305);
            assert_eq!(outgoing.control_bytes(), 0);
        }
    }

    #[test]
    fn all_queued_frames_leave_in_one_write() {
        for vectored in [true, false] {
            let mut socket = Trickle {
                taken: Vec::new(),
                step: usize::MAX,
                writes: 0,
            };
            filled().write(&mut socket, vectored).unwrap();
            assert_eq!(socket.writes, 1);
        }
    }
}
