//! A repository as JSON lines.

use super::repository::Repository;
use crate::client::ClientError;
use driftless_core::client::Change;
use driftless_core::event::{Json, RecordId};
use futures_io::{AsyncBufRead, AsyncWrite};
use futures_util::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::io;

/// Records that are read, or written, at a time.
const PAGE: usize = 500;

/// Bytes of lines after which they are written, whatever their number.
const PAGE_BYTES: usize = 4 << 20;

/// Longest line that is imported, in bytes: more than the largest event.
const LINE_BYTES: u64 = 32 << 20;

/// One record.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    id: String,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Why an import has ended. The records of the lines before are written, up to 500 lines before this one less.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line is no record.
    #[error("line {line} is not `{{\"id\": \"…\", \"data\": …}}`: {message}")]
    Line {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// The lines could not be read.
    #[error("line {line} cannot be read: {error}")]
    Read {
        /// Which line, from 1.
        line: u64,
        /// What the reader said.
        #[source]
        error: io::Error,
    },
    /// The records could not be written.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl<T> Repository<T> {
    /// Writes every record that is not deleted as a line `{"id": …, "data": …}`, in order of the ids, and says how many
    /// there were. Records that change meanwhile are written as they are when their turn comes.
    pub async fn export(&self, into: &mut (impl AsyncWrite + Unpin)) -> Result<u64, ExportError> {
        let (mut after, mut lines) = (None, 0);
        loop {
            let page = self.client.query_page(&self.name, after.clone(), PAGE).await?;
            let mut text = Vec::new();
            for record in &page {
                let Some(data) = &record.data else { continue };
                let data = <&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(data));
                let data = data.map_err(io::Error::other)?;
                let id = record.id.to_string();
                serde_json::to_writer(&mut text, &Line { id, data }).map_err(io::Error::other)?;
                text.push(b'\n');
                lines += 1;
            }
            into.write_all(&text).await?;
            if page.len() < PAGE {
                into.flush().await?;
                return Ok(lines);
            }
            after = page.last().map(|record| record.id.clone());
        }
    }

    /// Makes or replaces the records of lines such as [`Self::export`] writes; empty lines are passed over. They are
    /// writes like any other, durable and sent, several hundred in a transaction. Says how many there were.
    pub async fn import(&self, from: &mut (impl AsyncBufRead + Unpin)) -> Result<u64, ImportError> {
        let (mut line, mut records, mut bytes, mut changes) = (0, 0, 0, Vec::new());
        loop {
            line += 1;
            let mut text = Vec::new();
            let read = from.take(LINE_BYTES).read_until(b'\n', &mut text).await;
            let read = read.map_err(|error| ImportError::Read { line, error })?;
            if read > 0 && !text.trim_ascii().is_empty() {
                let change = self.parse(&text);
                changes.push(change.map_err(|message| ImportError::Line { line, message })?);
                (records, bytes) = (records + 1, bytes + text.len());
            }
            let is_full = changes.len() == PAGE || bytes >= PAGE_BYTES;
            if is_full || (read == 0 && !changes.is_empty()) {
                bytes = 0;
                self.client.write(std::mem::take(&mut changes)).await?;
            }
            if read == 0 {
                return Ok(records);
            }
        }
    }

    fn parse(&self, text: &[u8]) -> Result<Change, String> {
        if text.len() as u64 >= LINE_BYTES {
            return Err(format!("it is longer than {LINE_BYTES} bytes"));
        }
        let line: Line<'_> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let data = Json::parse(line.data.get().to_owned()).map_err(|error| error.to_string())?;
        let record = RecordId::new(line.id).map_err(|error| error.to_string())?;
        Ok(self.upsertion(record, data))
    }
}

/// Why an export has ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The lines could not be written.
    #[error("a line cannot be written: {0}")]
    Write(#[from] io::Error),
    /// The records could not be read.
    #[error(transparent)]
    Client(#[from] ClientError),
}
