-- +goose Up

-- vouched is a copy of each row that others must agree to (provisioning.Vouched), signed by a key outside of the database over domain, kind, key, version and
-- body. Where it and entity differ, this is what counts.
CREATE TABLE vouched (
	domain  TEXT   NOT NULL,
	kind    TEXT   NOT NULL,
	key     TEXT   NOT NULL,
	body    BLOB   NOT NULL,
	version BIGINT NOT NULL,
	mac     BLOB   NOT NULL,
	PRIMARY KEY (domain, kind, key)
) WITHOUT ROWID;

-- vouched_list says which there are, and of which version: {"key": version}. It counts its changes; how far is kept outside as well.
CREATE TABLE vouched_list (
	domain   TEXT   NOT NULL,
	kind     TEXT   NOT NULL,
	counter  BIGINT NOT NULL,
	versions BLOB   NOT NULL,
	mac      BLOB   NOT NULL,
	PRIMARY KEY (domain, kind)
) WITHOUT ROWID;
