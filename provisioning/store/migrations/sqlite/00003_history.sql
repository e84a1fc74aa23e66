-- +goose Up

-- cdr_party finds the calls of an extension: one row for each number of ours that had a part in a call. It goes with its call record.
CREATE TABLE cdr_party (
	domain  TEXT   NOT NULL,
	number  TEXT   NOT NULL,
	started BIGINT NOT NULL,
	id      TEXT   NOT NULL,
	part    TEXT   NOT NULL,
	PRIMARY KEY (domain, number, started, id)
) WITHOUT ROWID;
CREATE INDEX cdr_party_part ON cdr_party (domain, number, part, started, id);
CREATE INDEX cdr_party_call ON cdr_party (domain, id);

INSERT INTO cdr_party (domain, number, started, id, part)
	SELECT domain, caller, started, id, 'placed' FROM cdr WHERE caller <> '' AND caller NOT GLOB '*[^0-9]*' AND length(caller) <= 16;
INSERT OR IGNORE INTO cdr_party (domain, number, started, id, part)
	SELECT domain, answered_by, started, id, 'received' FROM cdr WHERE answered_by <> '' AND answered_by NOT GLOB '*[^0-9]*' AND length(answered_by) <= 16;
INSERT OR IGNORE INTO cdr_party (domain, number, started, id, part)
	SELECT domain, called, started, id, CASE WHEN answered_by = '' OR answered_by LIKE '%:%' THEN 'missed' ELSE 'elsewhere' END
	FROM cdr WHERE called <> '' AND called NOT GLOB '*[^0-9]*' AND length(called) <= 16;

-- +goose StatementBegin
CREATE TRIGGER cdr_gone AFTER DELETE ON cdr BEGIN
	DELETE FROM cdr_party WHERE domain = OLD.domain AND id = OLD.id;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER cdr_gone;
DROP TABLE cdr_party;
