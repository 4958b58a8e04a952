-- The house as it was first built. Times are microseconds since 1970 in UTC;
-- flags are 0 or 1; small maps and lists are JSON text, empty when there is
-- nothing in them. Wide texts stand last in a row, so that lists do not read
-- over them.

-- +goose Up

CREATE TABLE info (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

-- One row. Every transaction proves epoch and seq by an UPDATE of it (0003).
CREATE TABLE lease (
    id         BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch      BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    holder     TEXT COLLATE "C" NOT NULL,
    renewed_at BIGINT NOT NULL
);

INSERT INTO lease (id, epoch, seq, holder, renewed_at) VALUES (1, 0, 0, '', 0);

CREATE TABLE definitions (
    kind       TEXT COLLATE "C" NOT NULL,
    path       TEXT COLLATE "C" NOT NULL,
    version    BIGINT NOT NULL,
    active     BIGINT NOT NULL,
    title      TEXT COLLATE "C" NOT NULL,
    parts      BIGINT NOT NULL,
    file       TEXT COLLATE "C" NOT NULL,
    line       BIGINT NOT NULL,
    applied_at BIGINT NOT NULL,
    applied_by TEXT COLLATE "C" NOT NULL,
    source     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, path, version)
);

CREATE UNIQUE INDEX definitions_active ON definitions (kind, path) WHERE active = 1;

CREATE TABLE flows (
    hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body BYTEA NOT NULL
);

-- seq is the time of submission in microseconds, moved on by as much as it
-- takes to be unique: one number is order, cursor and time.
CREATE TABLE trackers (
    seq          BIGINT NOT NULL PRIMARY KEY,
    id           TEXT COLLATE "C" NOT NULL UNIQUE,
    ended        BIGINT NOT NULL,
    jobnet       TEXT COLLATE "C" NOT NULL,
    title        TEXT COLLATE "C" NOT NULL,
    version      BIGINT NOT NULL,
    flow         TEXT COLLATE "C" NOT NULL REFERENCES flows (hash) DEFERRABLE INITIALLY DEFERRED,
    state        TEXT COLLATE "C" NOT NULL,
    message      TEXT COLLATE "C" NOT NULL,
    date         TEXT COLLATE "C" NOT NULL,
    rerun        BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    parts        BIGINT NOT NULL,
    submitted_by TEXT COLLATE "C" NOT NULL,
    reason       TEXT COLLATE "C" NOT NULL,
    submitted_at BIGINT NOT NULL,
    started_at   BIGINT,
    ended_at     BIGINT,
    revision     BIGINT NOT NULL,
    cancelling   BIGINT NOT NULL,
    counts       TEXT COLLATE "C" NOT NULL,
    hosts        TEXT COLLATE "C" NOT NULL,
    params       TEXT COLLATE "C" NOT NULL
);

CREATE INDEX trackers_state ON trackers (state, seq);
CREATE INDEX trackers_jobnet ON trackers (jobnet, seq);
CREATE INDEX trackers_jobnet_state ON trackers (jobnet, state, seq);
CREATE INDEX trackers_unfinished ON trackers (seq) WHERE ended = 0;

-- A row for each folder that a tracker's jobnet is in, however deep, so that
-- a folder's trackers are listed in order by an index.
CREATE TABLE tracker_folders (
    folder TEXT COLLATE "C" NOT NULL,
    seq    BIGINT NOT NULL REFERENCES trackers (seq) ON DELETE CASCADE,
    state  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (folder, seq)
);

CREATE INDEX tracker_folders_state ON tracker_folders (folder, state, seq);
CREATE INDEX tracker_folders_seq ON tracker_folders (seq);

CREATE TABLE parts (
    tracker    TEXT COLLATE "C" NOT NULL REFERENCES trackers (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    key        TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    attempt    BIGINT NOT NULL,
    tries      BIGINT NOT NULL,
    attempt_id TEXT COLLATE "C" NOT NULL,
    rerun      BIGINT NOT NULL,
    host       TEXT COLLATE "C" NOT NULL,
    exit       BIGINT,
    healed     BIGINT NOT NULL,
    via        TEXT COLLATE "C" NOT NULL,
    started_at BIGINT,
    ended_at   BIGINT,
    retry_at   BIGINT,
    revision   BIGINT NOT NULL,
    message    TEXT COLLATE "C" NOT NULL,
    vars       TEXT COLLATE "C" NOT NULL,
    output     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tracker, key)
);

CREATE INDEX parts_revision ON parts (tracker, revision);

-- An attempt's ID is its tracker and seq.
CREATE TABLE attempts (
    tracker     TEXT COLLATE "C" NOT NULL REFERENCES trackers (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    seq         BIGINT NOT NULL,
    ended       BIGINT NOT NULL,
    part        TEXT COLLATE "C" NOT NULL,
    number      BIGINT NOT NULL,
    rerun       BIGINT NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    host        TEXT COLLATE "C" NOT NULL,
    host_id     TEXT COLLATE "C" NOT NULL,
    exit        BIGINT,
    output_size BIGINT NOT NULL,
    output_lost BIGINT NOT NULL,
    killing     BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    started_at  BIGINT,
    ended_at    BIGINT,
    message     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tracker, seq)
);

CREATE INDEX attempts_part ON attempts (tracker, part, seq);
CREATE INDEX attempts_unfinished ON attempts (tracker, seq) WHERE ended = 0;

CREATE TABLE submitted (
    principal    TEXT COLLATE "C" NOT NULL,
    key          TEXT COLLATE "C" NOT NULL,
    request_hash TEXT COLLATE "C" NOT NULL,
    tracker      TEXT COLLATE "C" NOT NULL REFERENCES trackers (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    at           BIGINT NOT NULL,
    PRIMARY KEY (principal, key)
);

CREATE INDEX submitted_tracker ON submitted (tracker);

CREATE TABLE outbox (
    seq     BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id      TEXT COLLATE "C" NOT NULL UNIQUE,
    host_id TEXT COLLATE "C" NOT NULL,
    at      BIGINT NOT NULL,
    payload BYTEA NOT NULL
);

CREATE TABLE hosts (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name         TEXT COLLATE "C" NOT NULL UNIQUE,
    labels       TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    since        BIGINT NOT NULL,
    why          TEXT COLLATE "C" NOT NULL,
    slots        BIGINT NOT NULL,
    running      BIGINT NOT NULL,
    version      TEXT COLLATE "C" NOT NULL,
    os           TEXT COLLATE "C" NOT NULL,
    arch         TEXT COLLATE "C" NOT NULL,
    boot_id      TEXT COLLATE "C" NOT NULL,
    generation   TEXT COLLATE "C" NOT NULL,
    public_key   TEXT COLLATE "C" NOT NULL,
    enrolled_at  BIGINT NOT NULL,
    connected_at BIGINT
);

CREATE TABLE tokens (
    hash       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    principal  TEXT COLLATE "C" NOT NULL,
    admin      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    note       TEXT COLLATE "C" NOT NULL
);

CREATE TABLE audit (
    seq       BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    at        BIGINT NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    action    TEXT COLLATE "C" NOT NULL,
    object    TEXT COLLATE "C" NOT NULL,
    detail    TEXT COLLATE "C" NOT NULL,
    outcome   TEXT COLLATE "C" NOT NULL
);

CREATE INDEX audit_object ON audit (object, seq);
