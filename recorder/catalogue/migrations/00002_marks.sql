-- +goose Up
-- heard: when somebody whom a message is for marked it so; 0: it is new. removed: when it was deleted; nobody is shown the row any more,
-- and what is stored goes by and by.
ALTER TABLE recordings ADD COLUMN heard BIGINT NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN removed BIGINT NOT NULL DEFAULT 0;
CREATE INDEX recordings_removed ON recordings (removed, id);

-- +goose Down
DROP INDEX recordings_removed;
ALTER TABLE recordings DROP COLUMN removed;
ALTER TABLE recordings DROP COLUMN heard;
