//! Lines from stdin and to stdout, each on a thread of its own: neither may hold the client up, and a runtime cannot
//! end while it waits for a terminal.

use super::input::Input;
use std::io::{self, BufRead, Read, Write};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc;

/// Lines read ahead of the client.
const LINES: usize = 64;

/// Longest line that is read: the largest event, with room for what stands around its data.
const LINE_BYTES: u64 = 16 << 20;

/// Texts between the client and stdout; past it the client waits.
const TEXTS: usize = 4;

/// How long what is left may take to be written at the end, once a signal has said that it is urgent.
const FAREWELL: Duration = Duration::from_secs(2);

/// Reads stdin. The channel ends with it. Empty lines are passed over.
pub(super) fn lines() -> mpsc::Receiver<Input> {
    let (sender, receiver) = mpsc::channel(LINES);
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        while let Some(input) = read_line(&mut stdin) {
            if sender.blocking_send(input).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next line that is not empty; `None` at the end, or when stdin fails.
fn read_line(stdin: &mut impl BufRead) -> Option<Input> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = stdin.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line).ok()?;
        if read == 0 {
            return None;
        }
        if read as u64 == LINE_BYTES && line.last() != Some(&b'\n') {
            skip_line(stdin)?;
            return Some(Input::wrong(format!("a line has at most {LINE_BYTES} bytes")));
        }
        if !line.trim_ascii().is_empty() {
            break;
        }
    }
    Some(match str::from_utf8(&line) {
        Ok(text) => Input::read(text),
        Err(_) => Input::wrong("a line is UTF-8".to_owned()),
    })
}

/// Skips the rest of a line without keeping it.
fn skip_line(stdin: &mut impl BufRead) -> Option<()> {
    stdin.skip_until(b'\n').ok().map(drop)
}

/// Writes to stdout, flushed after each text.
#[derive(Debug)]
pub(super) struct Output(mpsc::Sender<String>);

impl Output {
    pub(super) fn start() -> Self {
        let (sender, mut receiver) = mpsc::channel::<String>(TEXTS);
        thread::spawn(move || {
            let mut stdout = io::stdout().lock();
            while let Some(text) = receiver.blocking_recv() {
                if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
                    return;
                }
            }
        });
        Self(sender)
    }

    /// Writes some lines; false if nobody reads stdout any more. Waits while they are not read.
    pub(super) async fn write(&self, text: String) -> bool {
        text.is_empty() || self.0.send(text).await.is_ok()
    }

    /// Waits until everything is written: for ever, or, if it is `urgent`, for a moment.
    pub(super) async fn finish(self, urgent: bool) {
        let written = async {
            // The thread takes a text out of the channel before it writes it: with all room back and one empty text
            // behind it taken, all before it is written.
            let _ = self.0.send(String::new()).await;
            let _ = self.0.reserve_many(TEXTS).await;
        };
        if urgent {
            let _ = tokio::time::timeout(FAREWELL, written).await;
        } else {
            written.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    #[test]
    fn lines_are_read_to_the_end_and_bad_ones_are_reported() {
        let text = b"\n  \r\n{\"op\":\"status\"}\r\n\xff\xfe\n{\"op\":\"stop\"}";
        let mut stdin = BufReader::new(&text[..]);
        assert_eq!(read_line(&mut stdin), Some(Input::read(r#"{"op":"status"}"#)));
        assert_eq!(read_line(&mut stdin), Some(Input::wrong("a line is UTF-8".to_owned())));
        assert_eq!(read_line(&mut stdin), Some(Input::read(r#"{"op":"stop"}"#)));
        assert_eq!(read_line(&mut stdin), None);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_without_being_kept() {
        let long = io::repeat(b'x').take(2 * LINE_BYTES);
        let mut stdin = BufReader::new(long.chain(&b"\n{\"op\":\"stop\"}\n"[..]));
        let input = read_line(&mut stdin).unwrap();
        assert!(input.op.unwrap_err().contains("at most"));
        assert_eq!(read_line(&mut stdin), Some(Input::read(r#"{"op":"stop"}"#)));
    }
}
