-- +goose Up
-- epoch: the number of the domain's key that opens it now; 0: the vault's own, from before domains had keys.
ALTER TABLE recordings ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
CREATE INDEX recordings_epoch ON recordings (domain, epoch, id);

-- +goose Down
DROP INDEX recordings_epoch;
ALTER TABLE recordings DROP COLUMN epoch;
