-- Managers that follow each other, what they have in common, and attempts that
-- are lost: how long a keeper lets one live without contact, and when it must
-- have ended. The tables are those of a store in one file, so that backups fit
-- either kind of store; functions and outputs are of this kind alone.

-- +goose Up

ALTER TABLE lease ADD COLUMN url  TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lease ADD COLUMN next TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE managers (
    name      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    url       TEXT COLLATE "C" NOT NULL,
    endpoints TEXT COLLATE "C" NOT NULL,
    version   TEXT COLLATE "C" NOT NULL,
    started   BIGINT NOT NULL,
    seen_at   BIGINT NOT NULL
);

-- What all managers of the store have in common, made by the first: keys.
CREATE TABLE vault (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body BYTEA NOT NULL
);

CREATE TABLE marks (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

ALTER TABLE attempts ADD COLUMN dead_man_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN dead_by     BIGINT;
ALTER TABLE trackers ADD COLUMN restarts    BIGINT NOT NULL DEFAULT 0;

-- Rows are rewritten often; room in the page keeps that out of the indexes.
ALTER TABLE lease SET (fillfactor = 20);
ALTER TABLE trackers SET (fillfactor = 70);
ALTER TABLE parts SET (fillfactor = 70);
ALTER TABLE attempts SET (fillfactor = 70);

-- What attempts printed, in pieces: each begins where the one before ended.
CREATE TABLE outputs (
    tracker TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    start   BIGINT NOT NULL,
    body    BYTEA NOT NULL,
    PRIMARY KEY (tracker, attempt, start)
);

-- The clock that all managers of the store share, in microseconds since 1970.
-- +goose StatementBegin
CREATE FUNCTION banto_micros() RETURNS BIGINT LANGUAGE sql VOLATILE AS $$
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
$$;
-- +goose StatementEnd

-- The first statement of every transaction: proves who writes, and that nothing
-- was written under the same epoch that the writer does not know of. It locks
-- the lease until the commit.
-- +goose StatementBegin
CREATE FUNCTION banto_prove(my_epoch BIGINT, my_seq BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    now_epoch BIGINT;
BEGIN
    UPDATE lease SET seq = my_seq + 1, renewed_at = banto_micros() WHERE id = 1 AND epoch = my_epoch AND seq = my_seq;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT epoch INTO now_epoch FROM lease WHERE id = 1;
    IF now_epoch = my_epoch THEN
        RAISE EXCEPTION 'another transaction was written under epoch %', my_epoch USING ERRCODE = 'BN002';
    END IF;
    RAISE EXCEPTION 'epoch % is over: % is active', my_epoch, now_epoch USING ERRCODE = 'BN001';
END
$$;
-- +goose StatementEnd
