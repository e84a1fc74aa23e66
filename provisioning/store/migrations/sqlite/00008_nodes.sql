-- +goose Up

-- Several nodes may share one database. node says by which of them a binding is reached ('': by the only one there is), at when it was registered (Unix
-- nanoseconds): of two nodes the one counts at which the telephone was last.
ALTER TABLE binding ADD COLUMN node TEXT NOT NULL DEFAULT '';
ALTER TABLE binding ADD COLUMN at INTEGER NOT NULL DEFAULT 0;

-- node has those that are or were there. State, not configuration.
CREATE TABLE node (
	name TEXT NOT NULL PRIMARY KEY,
	beat INTEGER NOT NULL, -- counts up while it lives
	body BLOB NOT NULL -- what it says of itself, sealed: who may write here is no node by that
) WITHOUT ROWID;

-- duty has one row: the node that does what one node does.
CREATE TABLE duty (
	id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
	node TEXT NOT NULL
);

-- +goose Down

DROP TABLE duty;
DROP TABLE node;
ALTER TABLE binding DROP COLUMN at;
ALTER TABLE binding DROP COLUMN node;
