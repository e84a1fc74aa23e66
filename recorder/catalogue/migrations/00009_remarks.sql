-- +goose Up
-- What people decided lies beside the recording too (remarks.go). remarks: the number of the newest object, 0: none; remarks_epoch: of the domain's key that it
-- was sealed to; remarks_due: changes that are in none yet. What was written before has an object to come. Of a label nobody knows here whether it was lowered.
ALTER TABLE recordings ADD COLUMN remarks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN remarks_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN remarks_due INTEGER NOT NULL DEFAULT 0;
UPDATE recordings SET remarks_due = 1 WHERE id IN (SELECT recording FROM recording_notes UNION SELECT recording FROM recording_cases);
CREATE INDEX recordings_unwritten ON recordings (id) WHERE (remarks_due > 0 OR (remarks > 0 AND remarks_epoch < epoch));

-- +goose Down
DROP INDEX recordings_unwritten;
ALTER TABLE recordings DROP COLUMN remarks_due;
ALTER TABLE recordings DROP COLUMN remarks_epoch;
ALTER TABLE recordings DROP COLUMN remarks;
