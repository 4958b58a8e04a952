-- Hosts that are far: how they come in and are shut out, whether they take new
-- work, who jobs run as on them. Rows of the version before keep their values;
-- their hosts are open.

-- +goose Up

ALTER TABLE hosts ADD COLUMN admission       TEXT    NOT NULL DEFAULT 'open';
ALTER TABLE hosts ADD COLUMN admission_by    TEXT    NOT NULL DEFAULT '';
ALTER TABLE hosts ADD COLUMN admission_why   TEXT    NOT NULL DEFAULT '';
ALTER TABLE hosts ADD COLUMN admission_since INTEGER;
ALTER TABLE hosts ADD COLUMN endpoint        TEXT    NOT NULL DEFAULT '';
ALTER TABLE hosts ADD COLUMN clock_ms        INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hosts ADD COLUMN claims          INTEGER NOT NULL DEFAULT 0;

ALTER TABLE trackers ADD COLUMN held   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trackers ADD COLUMN places TEXT    NOT NULL DEFAULT '';

ALTER TABLE parts ADD COLUMN forced TEXT NOT NULL DEFAULT '';

ALTER TABLE attempts ADD COLUMN account  TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN encoding TEXT NOT NULL DEFAULT '';

CREATE TABLE joins (
    hash       TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    labels     TEXT    NOT NULL,
    again      TEXT    NOT NULL,
    made_by    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    used_by    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE revoked_keys (
    public_key TEXT    NOT NULL PRIMARY KEY,
    host       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    revoked_by TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- What has come of an account's logons; the account itself is a definition.
CREATE TABLE account_states (
    name     TEXT    NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    blocked  INTEGER,
    why      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Scripts that are too long to go with every order.
CREATE TABLE scripts (
    hash TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;
