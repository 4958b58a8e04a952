-- The whole flow language: which way a branch has taken, until when a wait goes on,
-- in which time zone a base day is, and trackers that others run.

-- +goose Up

ALTER TABLE parts ADD COLUMN outlet TEXT NOT NULL DEFAULT '';
ALTER TABLE parts ADD COLUMN until  INTEGER;
ALTER TABLE parts ADD COLUMN child  TEXT NOT NULL DEFAULT '';

ALTER TABLE attempts ADD COLUMN child TEXT NOT NULL DEFAULT '';

ALTER TABLE trackers ADD COLUMN timezone    TEXT NOT NULL DEFAULT '';
ALTER TABLE trackers ADD COLUMN held_outer  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trackers ADD COLUMN parent      TEXT NOT NULL DEFAULT '';
ALTER TABLE trackers ADD COLUMN parent_part TEXT NOT NULL DEFAULT '';
ALTER TABLE trackers ADD COLUMN calling     TEXT NOT NULL DEFAULT '';
ALTER TABLE trackers ADD COLUMN root        TEXT NOT NULL DEFAULT '';
ALTER TABLE trackers ADD COLUMN depth       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trackers ADD COLUMN calls       TEXT NOT NULL DEFAULT '';
