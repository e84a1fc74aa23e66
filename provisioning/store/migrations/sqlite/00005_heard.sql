-- +goose Up

-- Tokens of others that were taken once and must not count again: security events, logout tokens. State, not configuration.
CREATE TABLE heard (
	issuer TEXT NOT NULL,
	id TEXT NOT NULL,
	until INTEGER NOT NULL, -- Unix nanoseconds: then the token is too old to be taken
	PRIMARY KEY (issuer, id)
) WITHOUT ROWID;

-- +goose Down

DROP TABLE heard;
