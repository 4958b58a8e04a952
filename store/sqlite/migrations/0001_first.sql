-- The house as it was first built. Times are microseconds since 1970 in UTC;
-- flags are 0 or 1; small maps and lists are JSON text, empty when there is
-- nothing in them. Wide texts stand last in a row, so that lists do not read
-- over them.

-- +goose Up

CREATE TABLE info (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row. Every transaction proves the epoch by an UPDATE of it.
CREATE TABLE lease (
    id         INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch      INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    holder     TEXT    NOT NULL,
    renewed_at INTEGER NOT NULL
) STRICT;

INSERT INTO lease (id, epoch, seq, holder, renewed_at) VALUES (1, 0, 0, '', 0);

CREATE TABLE definitions (
    kind       TEXT    NOT NULL,
    path       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    active     INTEGER NOT NULL,
    title      TEXT    NOT NULL,
    parts      INTEGER NOT NULL,
    file       TEXT    NOT NULL,
    line       INTEGER NOT NULL,
    applied_at INTEGER NOT NULL,
    applied_by TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    PRIMARY KEY (kind, path, version)
) STRICT;

CREATE UNIQUE INDEX definitions_active ON definitions (kind, path) WHERE active = 1;

CREATE TABLE flows (
    hash TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- seq is the time of submission in microseconds, moved on by as much as it
-- takes to be unique: one number is order, cursor and time.
CREATE TABLE trackers (
    seq          INTEGER NOT NULL PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    ended        INTEGER NOT NULL,
    jobnet       TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    flow         TEXT    NOT NULL REFERENCES flows (hash) DEFERRABLE INITIALLY DEFERRED,
    state        TEXT    NOT NULL,
    message      TEXT    NOT NULL,
    date         TEXT    NOT NULL,
    rerun        INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    parts        INTEGER NOT NULL,
    submitted_by TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    submitted_at INTEGER NOT NULL,
    started_at   INTEGER,
    ended_at     INTEGER,
    revision     INTEGER NOT NULL,
    cancelling   INTEGER NOT NULL,
    counts       TEXT    NOT NULL,
    hosts        TEXT    NOT NULL,
    params       TEXT    NOT NULL
) STRICT;

CREATE INDEX trackers_state ON trackers (state, seq);
CREATE INDEX trackers_jobnet ON trackers (jobnet, seq);
CREATE INDEX trackers_jobnet_state ON trackers (jobnet, state, seq);
CREATE INDEX trackers_unfinished ON trackers (seq) WHERE ended = 0;

-- A row for each folder that a tracker's jobnet is in, however deep, so that
-- a folder's trackers are listed in order by an index.
CREATE TABLE tracker_folders (
    folder TEXT    NOT NULL,
    seq    INTEGER NOT NULL REFERENCES trackers (seq) ON DELETE CASCADE,
    state  TEXT    NOT NULL,
    PRIMARY KEY (folder, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX tracker_folders_state ON tracker_folders (folder, state, seq);
CREATE INDEX tracker_folders_seq ON tracker_folders (seq);

CREATE TABLE parts (
    tracker    TEXT    NOT NULL REFERENCES trackers (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    key        TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    attempt    INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    attempt_id TEXT    NOT NULL,
    rerun      INTEGER NOT NULL,
    host       TEXT    NOT NULL,
    exit       INTEGER,
    healed     INTEGER NOT NULL,
    via        TEXT    NOT NULL,
    started_at INTEGER,
    ended_at   INTEGER,
    retry_at   INTEGER,
    revision   INTEGER NOT NULL,
    message    TEXT    NOT NULL,
    vars       TEXT    NOT NULL,
    output     TEXT    NOT NULL,
    PRIMARY KEY (tracker, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX parts_revision ON parts (tracker, revision);

-- An attempt's ID is its tracker and seq.
CREATE TABLE attempts (
    tracker     TEXT    NOT NULL REFERENCES trackers (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    seq         INTEGER NOT NULL,
    ended       INTEGER NOT NULL,
    part        TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    rerun       INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    host        TEXT    NOT NULL,
    host_id     TEXT    NOT NULL,
    exit        INTEGER,
    output_size INTEGER NOT NULL,
    output_lost INTEGER NOT NULL,
    killing     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    started_at  INTEGER,
    ended_at    INTEGER,
    message     TEXT    NOT NULL,
    PRIMARY KEY (tracker, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_part ON attempts (tracker, part, seq);
CREATE INDEX attempts_unfinished ON attempts (tracker, seq) WHERE ended = 0;

CREATE TABLE submitted (
    principal    TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    request_hash TEXT    NOT NULL,
    tracker      TEXT    NOT NULL REFERENCES trackers (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    at           INTEGER NOT NULL,
    PRIMARY KEY (principal, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX submitted_tracker ON submitted (tracker);

CREATE TABLE outbox (
    seq     INTEGER NOT NULL PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    host_id TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    payload BLOB    NOT NULL
) STRICT;

CREATE TABLE hosts (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    labels       TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    since        INTEGER NOT NULL,
    why          TEXT    NOT NULL,
    slots        INTEGER NOT NULL,
    running      INTEGER NOT NULL,
    version      TEXT    NOT NULL,
    os           TEXT    NOT NULL,
    arch         TEXT    NOT NULL,
    boot_id      TEXT    NOT NULL,
    generation   TEXT    NOT NULL,
    public_key   TEXT    NOT NULL,
    enrolled_at  INTEGER NOT NULL,
    connected_at INTEGER
) STRICT;

CREATE TABLE tokens (
    hash       TEXT    NOT NULL PRIMARY KEY,
    principal  TEXT    NOT NULL,
    admin      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    note       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    seq       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    principal TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    object    TEXT    NOT NULL,
    detail    TEXT    NOT NULL,
    outcome   TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_object ON audit (object, seq);
