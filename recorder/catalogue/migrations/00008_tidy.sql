-- +goose Up
-- Tidy (tidy.go) merges two segments of a size; FTS5 itself begins at four.
INSERT INTO recording_terms(recording_terms, rank) VALUES ('usermerge', 2);

-- +goose Down
INSERT INTO recording_terms(recording_terms, rank) VALUES ('usermerge', 4);
