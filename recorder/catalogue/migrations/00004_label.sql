-- +goose Up
-- label: how confidential a recording is, 3 the highest (recorder.Label.Level). What was there before has the highest: nobody has said otherwise.
ALTER TABLE recordings ADD COLUMN label INTEGER NOT NULL DEFAULT 3;
CREATE INDEX recordings_label ON recordings (domain, label, started, id);

-- +goose Down
DROP INDEX recordings_label;
ALTER TABLE recordings DROP COLUMN label;
