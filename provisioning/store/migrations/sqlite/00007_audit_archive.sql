-- +goose Up

-- An entry of the audit log is looked up by its number: a table in that order finds it at once, where a table with the number beside it is asked twice, which is
-- what one waits for when ten million are verified. The rows are the same. While it runs the file needs room for the log a second time.
CREATE TABLE audit_by_seq (
	seq     INTEGER NOT NULL PRIMARY KEY,
	at      BIGINT  NOT NULL,
	domain  TEXT    NOT NULL,
	subject TEXT    NOT NULL,
	action  TEXT    NOT NULL,
	object  TEXT    NOT NULL,
	outcome TEXT    NOT NULL,
	leaf    BLOB    NOT NULL,
	hashes  BLOB    NOT NULL
);
INSERT INTO audit_by_seq (seq, at, domain, subject, action, object, outcome, leaf, hashes)
	SELECT seq, at, domain, subject, action, object, outcome, leaf, hashes FROM audit ORDER BY seq;
DROP TABLE audit; -- with its triggers and indexes
ALTER TABLE audit_by_seq RENAME TO audit;

-- Each index ends with the row's number, which is seq.
CREATE INDEX audit_domain ON audit (domain);
CREATE INDEX audit_object ON audit (domain, object);
CREATE INDEX audit_subject ON audit (domain, subject);

-- audit_block is what stays of each block of the audit log whose entries are archived: how far the archive goes (a block ends where the next begins), the latest
-- time in it, the object that it is, and the tree's hashes that its last entry completed. Proofs of later entries need no others.
CREATE TABLE audit_block (
	last   INTEGER NOT NULL PRIMARY KEY,
	newest BIGINT  NOT NULL,
	object TEXT    NOT NULL,
	hashes BLOB    NOT NULL
);

-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
-- An entry is deleted when its block stands in the table of the archive, and not before; its number does not come again.
-- A row with a known number would replace the old one without a word under INSERT OR REPLACE.
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN OLD.seq > (SELECT coalesce(max(last), 0) FROM audit_block)
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
WHEN NEW.seq <= (SELECT coalesce(max(last), 0) FROM audit_block) OR EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_block_no_update BEFORE UPDATE ON audit_block BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_block_no_delete BEFORE DELETE ON audit_block BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_block_no_replace BEFORE INSERT ON audit_block WHEN NEW.last <= (SELECT coalesce(max(last), 0) FROM audit_block)
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
-- +goose StatementEnd
