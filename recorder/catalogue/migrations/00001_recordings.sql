-- +goose Up
-- Times are milliseconds since 1970 UTC. The SQL is common to SQLite and PostgreSQL.
CREATE TABLE recordings (
    id            TEXT    NOT NULL PRIMARY KEY,
    domain        TEXT    NOT NULL,
    call_id       TEXT    NOT NULL,
    number        TEXT    NOT NULL,
    direction     TEXT    NOT NULL,
    policy        TEXT    NOT NULL,
    started       BIGINT  NOT NULL,
    ended         BIGINT  NOT NULL,
    duration_ms   BIGINT  NOT NULL,
    state         TEXT    NOT NULL,
    state_rank    INTEGER NOT NULL,
    interrupted   BOOLEAN NOT NULL,
    why           TEXT    NOT NULL,
    format        TEXT    NOT NULL,
    object        TEXT    NOT NULL,
    sealed_bytes  BIGINT  NOT NULL,
    sealed_sha256 TEXT    NOT NULL,
    audio_bytes   BIGINT  NOT NULL,
    dropped       BIGINT  NOT NULL,
    lost          BIGINT  NOT NULL,
    retain_until  BIGINT  NOT NULL,
    problem       TEXT    NOT NULL,
    changed       BIGINT  NOT NULL
);
CREATE INDEX recordings_time ON recordings (domain, started, id);
CREATE INDEX recordings_number ON recordings (domain, number, started, id);
CREATE INDEX recordings_state ON recordings (state, id);
CREATE TABLE recording_parties (
    recording TEXT    NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    role      TEXT    NOT NULL,
    number    TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    PRIMARY KEY (recording, position)
);
CREATE INDEX recording_parties_number ON recording_parties (number, recording);

-- +goose Down
DROP TABLE recording_parties;
DROP TABLE recordings;
