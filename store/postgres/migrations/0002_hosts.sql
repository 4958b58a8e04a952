-- Hosts that are far: how they come in and are shut out, whether they take new
-- work, who jobs run as on them. Rows of the version before keep their values;
-- their hosts are open.

-- +goose Up

ALTER TABLE hosts ADD COLUMN admission       TEXT COLLATE "C" NOT NULL DEFAULT 'open';
ALTER TABLE hosts ADD COLUMN admission_by    TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE hosts ADD COLUMN admission_why   TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE hosts ADD COLUMN admission_since BIGINT;
ALTER TABLE hosts ADD COLUMN endpoint        TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE hosts ADD COLUMN clock_ms        BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hosts ADD COLUMN claims          BIGINT NOT NULL DEFAULT 0;

ALTER TABLE trackers ADD COLUMN held   BIGINT NOT NULL DEFAULT 0;
ALTER TABLE trackers ADD COLUMN places TEXT COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE parts ADD COLUMN forced TEXT COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE attempts ADD COLUMN account  TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN encoding TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE joins (
    hash       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL,
    labels     TEXT COLLATE "C" NOT NULL,
    again      TEXT COLLATE "C" NOT NULL,
    made_by    TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT,
    used_by    TEXT COLLATE "C" NOT NULL
);

CREATE TABLE revoked_keys (
    public_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    host       TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    revoked_by TEXT COLLATE "C" NOT NULL
);

-- What has come of an account's logons; the account itself is a definition.
CREATE TABLE account_states (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    blocked  BIGINT,
    why      TEXT COLLATE "C" NOT NULL
);

-- Scripts that are too long to go with every order.
CREATE TABLE scripts (
    hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body BYTEA NOT NULL
);
