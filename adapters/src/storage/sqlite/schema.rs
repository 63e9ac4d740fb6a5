//! The tables, and how a file of an older version gets them.

use rusqlite::{Connection, TransactionBehavior};

/// Marks a file as a client's database (the letters DRF, c), in the header field that SQLite keeps for this.
pub(super) const APPLICATION_ID: i64 = 0x4452_4663;

/// The version that this program writes: the last of [`MIGRATIONS`].
pub(super) const VERSION: i64 = 2;

/// The steps to each version from the one before it. A step that was ever released is not changed any more.
const MIGRATIONS: &[(i64, &str)] = &[(1, VERSION_1), (VERSION, VERSION_2)];

/// `records.shown`: 0 nothing, 1 the confirmed state, 2 the state in the `visible_` columns: most records have no
/// local layer, and their data is kept once.
///
/// `own.state`: 0 pending, 1 acked, 2 settled, 3 doubted, 4 rejected. Each index holds only the rows that its request
/// asks for, so that a request costs what its answer costs, however many other events there are.
pub(super) const VERSION_1: &str = "
    CREATE TABLE client (
        last_local INTEGER NOT NULL
    ) STRICT;
    INSERT INTO client (last_local) VALUES (0);

    CREATE TABLE repositories (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        after INTEGER NOT NULL DEFAULT 0,
        seen_sequence INTEGER,
        seen_event TEXT,
        generation INTEGER NOT NULL DEFAULT 0,
        refolding INTEGER NOT NULL DEFAULT 0,
        epoch TEXT,
        scope TEXT
    ) STRICT;

    CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        repository INTEGER NOT NULL,
        record TEXT NOT NULL,
        generation INTEGER NOT NULL,
        pending INTEGER NOT NULL,
        shown INTEGER NOT NULL,
        confirmed_event TEXT,
        confirmed_created_at TEXT,
        confirmed_sequence INTEGER,
        confirmed_data TEXT,
        visible_event TEXT,
        visible_created_at TEXT,
        visible_sequence INTEGER,
        visible_data TEXT,
        UNIQUE (repository, record)
    ) STRICT;
    CREATE INDEX records_generation ON records (repository, generation, record);

    CREATE TABLE own (
        local INTEGER PRIMARY KEY,
        repository INTEGER NOT NULL,
        record TEXT NOT NULL,
        event TEXT NOT NULL,
        state INTEGER NOT NULL,
        sequence INTEGER,
        settled_at_ms INTEGER,
        code TEXT,
        message TEXT,
        body TEXT NOT NULL,
        UNIQUE (repository, event)
    ) STRICT;
    CREATE INDEX own_pending ON own (repository, local) WHERE state = 0;
    CREATE INDEX own_layer ON own (repository, record, local) WHERE state IN (0, 1);
    CREATE INDEX own_unsettled ON own (repository, local) WHERE state IN (1, 3);
    CREATE INDEX own_settled ON own (repository, settled_at_ms, local) WHERE state = 2;
    CREATE INDEX own_rejected ON own (repository, local) WHERE state = 4;
";

/// `records.data` is what the application sees of a record, null where it is deleted or not shown: queries and their
/// indexes look into it. It takes no place in the file.
const VERSION_2: &str = "
    ALTER TABLE records ADD COLUMN data TEXT GENERATED ALWAYS AS (
        CASE shown WHEN 1 THEN confirmed_data WHEN 2 THEN visible_data END
    ) VIRTUAL;
    CREATE INDEX own_rejected_record ON own (repository, record) WHERE state = 4;
";

/// What a file says about itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) application_id: i64,
    pub(super) version: i64,
    /// Whether there is nothing in it yet.
    pub(super) empty: bool,
}

/// Reads what a file says about itself; changes nothing.
pub(super) fn header(connection: &Connection) -> rusqlite::Result<Header> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get(0));
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let (application_id, version) = (pragma("application_id")?, pragma("user_version")?);
    Ok(Header {
        application_id,
        version,
        empty: application_id == 0 && version == 0 && objects == 0,
    })
}

/// Brings a file from its version to [`VERSION`], all steps in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let found = header(connection)?.version;
    if found == VERSION {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (_, step) in MIGRATIONS.iter().filter(|(version, _)| *version > found) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
