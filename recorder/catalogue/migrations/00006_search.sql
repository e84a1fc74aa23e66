-- +goose Up
-- place: of a recording in time, higher for what began later; 0: not in the index yet. recording_terms is the index that Search asks: one document for
-- each recording, of hashed words (terms.go), under its place. FTS5 is SQLite's own.
ALTER TABLE recordings ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
CREATE INDEX recordings_place ON recordings (place);
CREATE VIRTUAL TABLE recording_terms USING fts5(terms, content='', contentless_delete=1, detail=none, tokenize='ascii');
CREATE TABLE recording_groups (
    recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    PRIMARY KEY (recording, name)
);
-- What people wrote about recordings. It is in no manifest: a rebuilt catalogue has none of it.
CREATE TABLE recording_notes (
    id        INTEGER NOT NULL PRIMARY KEY,
    recording TEXT    NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    written   BIGINT  NOT NULL,
    author    TEXT    NOT NULL,
    text      TEXT    NOT NULL
);
CREATE INDEX recording_notes_of ON recording_notes (recording, id);
CREATE TABLE recording_cases (
    recording TEXT   NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    name      TEXT   NOT NULL,
    entered   BIGINT NOT NULL,
    author    TEXT   NOT NULL,
    PRIMARY KEY (recording, name)
);

-- +goose Down
DROP TABLE recording_cases;
DROP TABLE recording_notes;
DROP TABLE recording_groups;
DROP TABLE recording_terms;
DROP INDEX recordings_place;
ALTER TABLE recordings DROP COLUMN place;
