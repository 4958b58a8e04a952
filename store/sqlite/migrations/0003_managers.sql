-- Managers that follow each other, what they have in common, and attempts that
-- are lost: how long a keeper lets one live without contact, and when it must
-- have ended. A store in one file has one manager at a time; its tables are the
-- same, so that backups fit either kind of store.

-- +goose Up

ALTER TABLE lease ADD COLUMN url  TEXT NOT NULL DEFAULT '';
ALTER TABLE lease ADD COLUMN next TEXT NOT NULL DEFAULT '';

CREATE TABLE managers (
    name      TEXT    NOT NULL PRIMARY KEY,
    url       TEXT    NOT NULL,
    endpoints TEXT    NOT NULL,
    version   TEXT    NOT NULL,
    started   INTEGER NOT NULL,
    seen_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What all managers of the store have in common, made by the first: keys.
CREATE TABLE vault (
    name TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE marks (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE attempts ADD COLUMN dead_man_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN dead_by     INTEGER;
ALTER TABLE trackers ADD COLUMN restarts    INTEGER NOT NULL DEFAULT 0;
