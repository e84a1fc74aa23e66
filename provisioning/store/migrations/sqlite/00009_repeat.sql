-- +goose Up

-- repeat is a request with an idempotency key, and its answer, sealed. State, not configuration.
CREATE TABLE repeat (
	who     TEXT   NOT NULL,
	key     TEXT   NOT NULL,
	request TEXT   NOT NULL, -- a hash
	answer  BLOB,            -- null: it is under way, or nobody knows how it ended
	until   BIGINT NOT NULL, -- Unix nanoseconds: then it is forgotten
	PRIMARY KEY (who, key)
) WITHOUT ROWID;
CREATE INDEX repeat_until ON repeat (until);
