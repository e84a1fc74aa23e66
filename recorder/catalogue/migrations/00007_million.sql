-- +goose Up
-- For a million rows. What few rows have is indexed for those alone: an index that has every row under one value is chosen for that value, and read from end to
-- end. By label nobody asks but Search, which has its own index. FTS5 holds 16 MiB of a large transaction before it writes a segment: 1 MiB makes many
-- small ones, and each is merged again and again.
DROP INDEX recordings_removed;
CREATE INDEX recordings_removed ON recordings (id) WHERE removed > 0;
DROP INDEX recordings_state;
CREATE INDEX recordings_unfinished ON recordings (id) WHERE state_rank < 3;
CREATE INDEX recordings_approved ON recordings (retain_until, id) WHERE approved > 0;
CREATE INDEX recordings_due_in ON recordings (domain, retain_until, id);
DROP INDEX recordings_epoch;
CREATE INDEX recordings_epoch ON recordings (domain, epoch, state, removed);
DROP INDEX recordings_label;
INSERT INTO recording_terms(recording_terms, rank) VALUES ('hashsize', 16777216);

-- +goose Down
INSERT INTO recording_terms(recording_terms, rank) VALUES ('hashsize', 1048576);
CREATE INDEX recordings_label ON recordings (domain, label, started, id);
DROP INDEX recordings_epoch;
CREATE INDEX recordings_epoch ON recordings (domain, epoch, id);
DROP INDEX recordings_due_in;
DROP INDEX recordings_approved;
DROP INDEX recordings_unfinished;
CREATE INDEX recordings_state ON recordings (state, id);
DROP INDEX recordings_removed;
CREATE INDEX recordings_removed ON recordings (removed, id);
