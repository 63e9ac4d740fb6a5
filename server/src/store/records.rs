//! Finding the newest event of a record without an index on record ids.
//!
//! Record ids come in any order, so an index on them would touch a page for every event of a commit: measured, it made
//! appending five times as expensive, for a question that is rarely asked. Instead, for every block of
//! [`BLOCK_EVENTS`] consecutive events of a log a row of their ids' hashes is appended. A search reads the events
//! behind the last block, then the blocks from the newest back, 2 KiB each: a million events take a few milliseconds,
//! and a record that changed lately is found at once.

use super::key::{RepositoryNumber, sequence_of};
use driftless_core::event::{RecordId, Sequence};
use rusqlite::{Connection, OptionalExtension, params};

/// Events of one block: its hashes fit one page of the file.
pub(super) const BLOCK_EVENTS: u64 = 512;

/// Appends the rows of the blocks that are complete at `head` and were not at `before`.
pub(super) fn append_blocks(
    connection: &Connection,
    repository: RepositoryNumber,
    before: Sequence,
    head: Sequence,
) -> rusqlite::Result<()> {
    for block in before.get() / BLOCK_EVENTS..head.get() / BLOCK_EVENTS {
        let first = repository.key(Sequence::new(block * BLOCK_EVENTS + 1));
        let last = repository.key(Sequence::new((block + 1) * BLOCK_EVENTS));
        let select = "SELECT record_id FROM event WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
        let mut statement = connection.prepare_cached(select)?;
        let mut rows = statement.query([first, last])?;
        let mut hashes = Vec::new();
        while let Some(row) = rows.next()? {
            let record = row.get_ref(0)?.as_bytes()?;
            hashes.extend(hash(record).to_le_bytes());
        }
        let insert = "INSERT INTO record_block (key, hashes) VALUES (?1, ?2)";
        connection.prepare_cached(insert)?.execute(params![last, hashes])?;
    }
    Ok(())
}

/// The sequence of the newest event of a record, if there is one.
pub(super) fn newest(
    connection: &Connection,
    repository: RepositoryNumber,
    record: &RecordId,
) -> rusqlite::Result<Option<Sequence>> {
    let keys = repository.keys_behind(Sequence::ZERO);
    let last_block = "SELECT max(key) FROM record_block WHERE key BETWEEN ?1 AND ?2";
    let mut statement = connection.prepare_cached(last_block)?;
    let last_block: Option<i64> = statement.query_row([keys.start(), keys.end()], |row| row.get(0))?;
    let behind_blocks = last_block.map_or(*keys.start(), |last| last + 1);
    if let Some(found) = newest_between(connection, behind_blocks, *keys.end(), record)? {
        return Ok(Some(found));
    }
    let blocks = "SELECT key, hashes FROM record_block WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC";
    let mut statement = connection.prepare_cached(blocks)?;
    let mut blocks = statement.query([keys.start(), keys.end()])?;
    let wanted = hash(record.as_bytes()).to_le_bytes();
    while let Some(block) = blocks.next()? {
        let hashes = block.get_ref(1)?.as_blob()?;
        if hashes.as_chunks().0.contains(&wanted) {
            let last: i64 = block.get(0)?;
            let first = last - BLOCK_EVENTS.cast_signed() + 1;
            if let Some(found) = newest_between(connection, first, last, record)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

fn newest_between(
    connection: &Connection,
    first: i64,
    last: i64,
    record: &RecordId,
) -> rusqlite::Result<Option<Sequence>> {
    let select = "SELECT key FROM event WHERE key BETWEEN ?1 AND ?2 AND record_id = ?3 ORDER BY key DESC LIMIT 1";
    let mut statement = connection.prepare_cached(select)?;
    let found = statement.query_row(params![first, last, &**record], |row| row.get(0));
    Ok(found.optional()?.map(sequence_of))
}

/// FNV-1a with 32 bits. It is in the file, so it never changes. Two ids with one hash cost a look at their block.
fn hash(bytes: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811c_9dc5, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(
            [hash(b""), hash(b"a"), hash(b"foobar")],
            [0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968]
        );
    }
}
