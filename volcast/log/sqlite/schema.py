"""The tables of a SQLite log. The file's header identifies it as one: SQLite's `application_id` and `user_version`."""

import sqlite3

from volcast.log.contract import Mismatch, Topic

SCHEMA_FORMAT = 9
"""Increases with each change of the tables, and of records on `signals` that an older reader could not decode."""
TABLES = {Topic.CANDLES: "candles", Topic.SIGNALS: "signals", Topic.REJECTED: "rejected", Topic.MODELS: "models"}
"""The tables of the topics that can be read from the beginning; `state` has only the last value of each key."""
LIMITED = (Topic.CANDLES, Topic.SIGNALS, Topic.REJECTED)
"""The topics of which retention deletes records."""
_APPLICATION_ID = 0x564F4C43  # "VOLC"
_SCHEMA = """
CREATE TABLE candles  (offset INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, value BLOB NOT NULL) STRICT;
CREATE INDEX candles_by_key ON candles (key, offset);
CREATE TABLE signals  (offset INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, value BLOB NOT NULL) STRICT;
CREATE INDEX signals_by_key ON signals (key, offset);
CREATE TABLE rejected (offset INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE models   (offset INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL, value BLOB NOT NULL) STRICT;
CREATE TABLE state    (key BLOB PRIMARY KEY, position INTEGER NOT NULL, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX state_by_position ON state (position);
CREATE TABLE position (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    next_offset INTEGER NOT NULL,
    replay_from INTEGER NOT NULL,
    signals     INTEGER NOT NULL,
    rejected    INTEGER NOT NULL,
    checksum    INTEGER NOT NULL
) STRICT;
CREATE TABLE segments (
    topic        TEXT NOT NULL,
    first_offset INTEGER NOT NULL,
    begun_ms     INTEGER NOT NULL,
    newest_ms    INTEGER NOT NULL,
    bytes_before INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    PRIMARY KEY (topic, first_offset)
) STRICT, WITHOUT ROWID;
CREATE TABLE epoch    (role TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""


def lay_out(db: sqlite3.Connection) -> None:
    """Choose the layout of a new database; call it before the tables are created, and not within a transaction.

    A signal has more than half of SQLite's usual page of 4 kB, so that a third of each would stay empty.
    """
    db.execute("PRAGMA page_size = 8192")
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # so that retention can give the space of deleted rows back


def create(db: sqlite3.Connection, path: str) -> None:
    """Create the tables if the database is empty; call it within a transaction. Raises Mismatch as `is_new` does."""
    if is_new(db, path):
        for statement in _SCHEMA.strip().split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {SCHEMA_FORMAT}")


def is_new(db: sqlite3.Connection, path: str) -> bool:
    """Return True for an empty database, False for a log of this format. Raises Mismatch for anything else."""
    application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if not application and not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return True
    if application != _APPLICATION_ID:
        raise Mismatch(f"{path} is a SQLite database of another program: choose another file")
    if version != SCHEMA_FORMAT:
        raise Mismatch(f"{path} has log format {version}, this version reads {SCHEMA_FORMAT}: choose another file")
    return False
