-- +goose Up

-- repeat is a request with an idempotency key, and its answer, sealed. State, not configuration.
CREATE TABLE repeat (
	who     TEXT COLLATE "C" NOT NULL,
	key     TEXT COLLATE "C" NOT NULL,
	request TEXT COLLATE "C" NOT NULL, -- a hash
	answer  BYTEA,                     -- null: it is under way, or nobody knows how it ended
	until   BIGINT NOT NULL,           -- Unix nanoseconds: then it is forgotten
	PRIMARY KEY (who, key)
);
CREATE INDEX repeat_until ON repeat (until);
