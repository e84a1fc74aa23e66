-- +goose Up

-- head has one row: the counters that order everything. A writer takes it first, so that versions and audit entries have no gaps.
CREATE TABLE head (
	id         BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
	version    BIGINT NOT NULL,
	audit_size BIGINT NOT NULL
);
INSERT INTO head (id, version, audit_size) VALUES (1, 0, 0);

-- entity holds every kind of configuration object as JSON. A domain is its own domain.
CREATE TABLE entity (
	domain  TEXT   NOT NULL,
	kind    TEXT   NOT NULL,
	key     TEXT   NOT NULL,
	body    BLOB   NOT NULL,
	version BIGINT NOT NULL,
	PRIMARY KEY (domain, kind, key)
) WITHOUT ROWID;

-- ref is what entities name; what is named cannot be deleted.
CREATE TABLE ref (
	domain  TEXT NOT NULL,
	kind    TEXT NOT NULL,
	key     TEXT NOT NULL,
	to_kind TEXT NOT NULL,
	to_key  TEXT NOT NULL,
	PRIMARY KEY (domain, kind, key, to_kind, to_key),
	FOREIGN KEY (domain, kind, key) REFERENCES entity (domain, kind, key) ON DELETE CASCADE,
	FOREIGN KEY (domain, to_kind, to_key) REFERENCES entity (domain, kind, key) ON DELETE RESTRICT
) WITHOUT ROWID;
CREATE INDEX ref_to ON ref (domain, to_kind, to_key);

CREATE TABLE secret (
	domain TEXT NOT NULL,
	kind   TEXT NOT NULL,
	key    TEXT NOT NULL,
	sealed BLOB NOT NULL,
	PRIMARY KEY (domain, kind, key)
) WITHOUT ROWID;
CREATE INDEX secret_key ON secret (domain, key);

-- change is the outbox: the feed that the switch follows.
CREATE TABLE change (
	version BIGINT  NOT NULL PRIMARY KEY,
	domain  TEXT    NOT NULL,
	kind    TEXT    NOT NULL,
	key     TEXT    NOT NULL,
	deleted BOOLEAN NOT NULL,
	more    BOOLEAN NOT NULL
) WITHOUT ROWID;

-- audit: leaf is the truth, the other columns are for searching, hashes are those of the Merkle tree that the entry completes.
CREATE TABLE audit (
	seq     BIGINT NOT NULL PRIMARY KEY,
	at      BIGINT NOT NULL,
	domain  TEXT   NOT NULL,
	subject TEXT   NOT NULL,
	action  TEXT   NOT NULL,
	object  TEXT   NOT NULL,
	outcome TEXT   NOT NULL,
	leaf    BLOB   NOT NULL,
	hashes  BLOB   NOT NULL
);
CREATE INDEX audit_domain ON audit (domain, seq);
CREATE INDEX audit_object ON audit (domain, object, seq);
CREATE INDEX audit_subject ON audit (domain, subject, seq);

-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
-- A row with a known seq would replace the old one without a word under INSERT OR REPLACE.
-- +goose StatementBegin
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd

CREATE TABLE cdr (
	domain      TEXT   NOT NULL,
	id          TEXT   NOT NULL,
	started     BIGINT NOT NULL,
	caller      TEXT   NOT NULL,
	called      TEXT   NOT NULL,
	answered_by TEXT   NOT NULL,
	body        BLOB   NOT NULL,
	PRIMARY KEY (domain, id)
);
CREATE INDEX cdr_started ON cdr (domain, started, id);

-- binding is state of the registrar, not configuration.
CREATE TABLE binding (
	aor     TEXT   NOT NULL,
	key     TEXT   NOT NULL,
	body    BLOB   NOT NULL,
	expires BIGINT NOT NULL,
	PRIMARY KEY (aor, key)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE binding;
DROP TABLE cdr;
DROP TABLE audit;
DROP TABLE change;
DROP TABLE secret;
DROP TABLE ref;
DROP TABLE entity;
DROP TABLE head;
