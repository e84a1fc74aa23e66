-- +goose Up
-- held: since when nobody may destroy it, whatever its rule says; 0: it is not held. approved: when somebody who may agreed to its destruction.
-- certificate: what its destruction will have to say; it is written before the first object goes, and the row is in no list any more.
ALTER TABLE recordings ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN hold_by TEXT NOT NULL DEFAULT '';
ALTER TABLE recordings ADD COLUMN hold_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE recordings ADD COLUMN approved BIGINT NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';
ALTER TABLE recordings ADD COLUMN certificate TEXT NOT NULL DEFAULT '';
CREATE INDEX recordings_due ON recordings (retain_until, id);

-- +goose Down
DROP INDEX recordings_due;
ALTER TABLE recordings DROP COLUMN certificate;
ALTER TABLE recordings DROP COLUMN approved_by;
ALTER TABLE recordings DROP COLUMN approved;
ALTER TABLE recordings DROP COLUMN hold_reason;
ALTER TABLE recordings DROP COLUMN hold_by;
ALTER TABLE recordings DROP COLUMN held;
