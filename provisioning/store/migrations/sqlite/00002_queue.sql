-- +goose Up

-- What queues and agents did: rows for reports, never changed. Times are Unix nanoseconds.
CREATE TABLE queue_visit (
	domain  TEXT   NOT NULL,
	id      TEXT   NOT NULL,
	queue   TEXT   NOT NULL,
	arrived BIGINT NOT NULL,
	body    BLOB   NOT NULL,
	PRIMARY KEY (domain, id)
);
CREATE INDEX queue_visit_arrived ON queue_visit (domain, arrived, id);

CREATE TABLE agent_stint (
	domain  TEXT   NOT NULL,
	agent   TEXT   NOT NULL,
	started BIGINT NOT NULL,
	state   TEXT   NOT NULL,
	body    BLOB   NOT NULL,
	PRIMARY KEY (domain, agent, started, state)
) WITHOUT ROWID;
CREATE INDEX agent_stint_started ON agent_stint (domain, started, agent);

-- +goose Down
DROP TABLE agent_stint;
DROP TABLE queue_visit;
