-- +goose Up

-- See SQLite's migration of the same version.
CREATE TABLE lease (
	name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	node TEXT COLLATE "C" NOT NULL,
	turn BIGINT NOT NULL,
	mark BIGINT NOT NULL DEFAULT 0
);
