-- +goose Up

-- Versions are those of SQLite's migrations: this one is what the first six of them come to. Text is compared bytewise (COLLATE "C"), as there.

-- head has one row: the counters that order everything. A writer, on whatever node, locks it before anything else, so that versions and audit entries have no gaps.
CREATE TABLE head (
	id         BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
	version    BIGINT NOT NULL,
	audit_size BIGINT NOT NULL
);
INSERT INTO head (id, version, audit_size) VALUES (1, 0, 0);

-- entity holds every kind of configuration object as JSON. A domain is its own domain.
CREATE TABLE entity (
	domain  TEXT COLLATE "C" NOT NULL,
	kind    TEXT COLLATE "C" NOT NULL,
	key     TEXT COLLATE "C" NOT NULL,
	body    BYTEA  NOT NULL,
	version BIGINT NOT NULL,
	PRIMARY KEY (domain, kind, key)
);

-- ref is what entities name; what is named cannot be deleted.
CREATE TABLE ref (
	domain  TEXT COLLATE "C" NOT NULL,
	kind    TEXT COLLATE "C" NOT NULL,
	key     TEXT COLLATE "C" NOT NULL,
	to_kind TEXT COLLATE "C" NOT NULL,
	to_key  TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (domain, kind, key, to_kind, to_key),
	FOREIGN KEY (domain, kind, key) REFERENCES entity (domain, kind, key) ON DELETE CASCADE,
	FOREIGN KEY (domain, to_kind, to_key) REFERENCES entity (domain, kind, key) ON DELETE RESTRICT
);
CREATE INDEX ref_to ON ref (domain, to_kind, to_key);

CREATE TABLE secret (
	domain TEXT COLLATE "C" NOT NULL,
	kind   TEXT COLLATE "C" NOT NULL,
	key    TEXT COLLATE "C" NOT NULL,
	sealed BYTEA NOT NULL,
	PRIMARY KEY (domain, kind, key)
);
CREATE INDEX secret_key ON secret (domain, key);

-- change is the outbox: the feed that the switches follow.
CREATE TABLE change (
	version BIGINT NOT NULL PRIMARY KEY,
	domain  TEXT COLLATE "C" NOT NULL,
	kind    TEXT COLLATE "C" NOT NULL,
	key     TEXT COLLATE "C" NOT NULL,
	deleted BOOLEAN NOT NULL,
	more    BOOLEAN NOT NULL
);

-- audit: leaf is the truth, the other columns are for searching, hashes are those of the Merkle tree that the entry completes.
CREATE TABLE audit (
	seq     BIGINT NOT NULL PRIMARY KEY,
	at      BIGINT NOT NULL,
	domain  TEXT COLLATE "C" NOT NULL,
	subject TEXT COLLATE "C" NOT NULL,
	action  TEXT COLLATE "C" NOT NULL,
	object  TEXT COLLATE "C" NOT NULL,
	outcome TEXT COLLATE "C" NOT NULL,
	leaf    BYTEA NOT NULL,
	hashes  BYTEA NOT NULL
);
CREATE INDEX audit_domain ON audit (domain, seq);
CREATE INDEX audit_object ON audit (domain, object, seq);
CREATE INDEX audit_subject ON audit (domain, subject, seq);

-- +goose StatementBegin
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'audit is append-only';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE TABLE cdr (
	domain      TEXT COLLATE "C" NOT NULL,
	id          TEXT COLLATE "C" NOT NULL,
	started     BIGINT NOT NULL,
	caller      TEXT COLLATE "C" NOT NULL,
	called      TEXT COLLATE "C" NOT NULL,
	answered_by TEXT COLLATE "C" NOT NULL,
	body        BYTEA  NOT NULL,
	PRIMARY KEY (domain, id)
);
CREATE INDEX cdr_started ON cdr (domain, started, id);

-- cdr_party finds the calls of an extension: one row for each number of ours that had a part in a call. It goes with its call record.
CREATE TABLE cdr_party (
	domain  TEXT COLLATE "C" NOT NULL,
	number  TEXT COLLATE "C" NOT NULL,
	started BIGINT NOT NULL,
	id      TEXT COLLATE "C" NOT NULL,
	part    TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (domain, number, started, id),
	FOREIGN KEY (domain, id) REFERENCES cdr (domain, id) ON DELETE CASCADE
);
CREATE INDEX cdr_party_part ON cdr_party (domain, number, part, started, id);
CREATE INDEX cdr_party_call ON cdr_party (domain, id);

-- binding is state of the registrars, not configuration.
CREATE TABLE binding (
	aor     TEXT COLLATE "C" NOT NULL,
	key     TEXT COLLATE "C" NOT NULL,
	body    BYTEA  NOT NULL,
	expires BIGINT NOT NULL,
	PRIMARY KEY (aor, key)
);

-- What queues and agents did: rows for reports, never changed. Times are Unix nanoseconds.
CREATE TABLE queue_visit (
	domain  TEXT COLLATE "C" NOT NULL,
	id      TEXT COLLATE "C" NOT NULL,
	queue   TEXT COLLATE "C" NOT NULL,
	arrived BIGINT NOT NULL,
	body    BYTEA  NOT NULL,
	PRIMARY KEY (domain, id)
);
CREATE INDEX queue_visit_arrived ON queue_visit (domain, arrived, id);

CREATE TABLE agent_stint (
	domain  TEXT COLLATE "C" NOT NULL,
	agent   TEXT COLLATE "C" NOT NULL,
	started BIGINT NOT NULL,
	state   TEXT COLLATE "C" NOT NULL,
	body    BYTEA  NOT NULL,
	PRIMARY KEY (domain, agent, started, state)
);
CREATE INDEX agent_stint_started ON agent_stint (domain, started, agent);

-- Tokens of others that were taken once and must not count again: security events, logout tokens. State, not configuration.
CREATE TABLE heard (
	issuer TEXT COLLATE "C" NOT NULL,
	id     TEXT COLLATE "C" NOT NULL,
	until  BIGINT NOT NULL, -- Unix nanoseconds: then the token is too old to be taken
	PRIMARY KEY (issuer, id)
);

-- vouched is a copy of each row that others must agree to (provisioning.Vouched), signed by a key outside of the database over domain, kind, key, version and
-- body. Where it and entity differ, this is what counts.
CREATE TABLE vouched (
	domain  TEXT COLLATE "C" NOT NULL,
	kind    TEXT COLLATE "C" NOT NULL,
	key     TEXT COLLATE "C" NOT NULL,
	body    BYTEA  NOT NULL,
	version BIGINT NOT NULL,
	mac     BYTEA  NOT NULL,
	PRIMARY KEY (domain, kind, key)
);

-- vouched_list says which there are, and of which version: {"key": version}. It counts its changes; how far is kept outside as well.
CREATE TABLE vouched_list (
	domain   TEXT COLLATE "C" NOT NULL,
	kind     TEXT COLLATE "C" NOT NULL,
	counter  BIGINT NOT NULL,
	versions BYTEA  NOT NULL,
	mac      BYTEA  NOT NULL,
	PRIMARY KEY (domain, kind)
);
