-- +goose Up

-- lease says which node does what one node does. State, not configuration. It takes the place of duty, which stays as long as nodes of before may run beside
-- this one: they beat with it.
CREATE TABLE lease (
	name TEXT   NOT NULL PRIMARY KEY,
	node TEXT   NOT NULL, -- '': nobody
	turn BIGINT NOT NULL, -- counts up with each change of hands
	mark BIGINT NOT NULL DEFAULT 0 -- how far its node has come with it
) WITHOUT ROWID;
