package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Cursor is a file that remembers up to where a log was read.
type Cursor string

type cursor struct {
	Seq int64 `json:"seq"`
}

// Load is what it says; 0 without a file.
func (c Cursor) Load(context.Context) (int64, error) {
	text, err := os.ReadFile(string(c))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var at cursor
	if err := json.Unmarshal(text, &at); err != nil || at.Seq < 0 {
		return 0, fmt.Errorf("%s is not readable: delete it to begin anew", string(c))
	}
	return at.Seq, nil
}

// Save replaces it.
func (c Cursor) Save(_ context.Context, seq int64) error {
	text, err := json.Marshal(cursor{seq})
	if err != nil {
		return err
	}
	return Replace(string(c), text, 0o600)
}
