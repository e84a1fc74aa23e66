-- +goose Up

-- The audit log is in the order of its numbers here from the start.

-- audit_block is what stays of each block of the audit log whose entries are archived: how far the archive goes (a block ends where the next begins), the latest
-- time in it, the object that it is, and the tree's hashes that its last entry completed. Proofs of later entries need no others.
CREATE TABLE audit_block (
	last   BIGINT NOT NULL PRIMARY KEY,
	newest BIGINT NOT NULL,
	object TEXT COLLATE "C" NOT NULL,
	hashes BYTEA  NOT NULL
);
CREATE TRIGGER audit_block_no_change BEFORE UPDATE OR DELETE ON audit_block FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_block_no_truncate BEFORE TRUNCATE ON audit_block FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- +goose StatementBegin
CREATE FUNCTION audit_block_comes_next() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.last <= (SELECT coalesce(max(last), 0) FROM audit_block) THEN
		RAISE EXCEPTION 'audit is append-only';
	END IF;
	RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_block_in_order BEFORE INSERT ON audit_block FOR EACH ROW EXECUTE FUNCTION audit_block_comes_next();

-- An entry is deleted when its block stands in the table of the archive, and not before; its number does not come again.
DROP TRIGGER audit_no_change ON audit;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
-- +goose StatementBegin
CREATE FUNCTION audit_is_archived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF OLD.seq > (SELECT coalesce(max(last), 0) FROM audit_block) THEN
		RAISE EXCEPTION 'audit is append-only';
	END IF;
	RETURN OLD;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION audit_is_not_archived() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.seq <= (SELECT coalesce(max(last), 0) FROM audit_block) THEN
		RAISE EXCEPTION 'audit is append-only';
	END IF;
	RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_archived();
CREATE TRIGGER audit_no_return BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_not_archived();
