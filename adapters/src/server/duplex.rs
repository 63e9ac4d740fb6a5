//! What stands between a connection's WebSocket and its socket.

use super::outgoing::Outgoing;
use std::io::{self, IoSlice, Read, Write};

/// What the WebSocket reads from and writes to: the socket, and the queue in front of it, so that its pongs and closes
/// never end up inside another frame.
pub(crate) struct Duplex<'a, R> {
    io: &'a mut R,
    outgoing: &'a mut Outgoing,
    /// Bytes read so far.
    pub(crate) received: usize,
}

impl<'a, R> Duplex<'a, R> {
    pub(crate) fn new(io: &'a mut R, outgoing: &'a mut Outgoing) -> Self {
        Self {
            io,
            outgoing,
            received: 0,
        }
    }
}

impl<R: Read> Read for Duplex<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = self.io.read(buffer)?;
        self.received += received;
        Ok(received)
    }
}

impl<R> Write for Duplex<'_, R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.framed(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts what a socket takes.
pub(crate) struct Counting<'a, W> {
    io: &'a mut W,
    /// Bytes taken so far.
    pub(crate) taken: usize,
}

impl<'a, W> Counting<'a, W> {
    pub(crate) fn new(io: &'a mut W) -> Self {
        Self { io, taken: 0 }
    }
}

impl<W: Write> Write for Counting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.io.write(bytes)?;
        self.taken += taken;
        Ok(taken)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let taken = self.io.write_vectored(slices)?;
        self.taken += taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.io.flush()
    }
}
