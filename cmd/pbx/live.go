package main

import (
	"context"
	"log/slog"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
)

// livePatience bounds the wait for the directory; it takes milliseconds.
const livePatience = time.Second

// liveStore is the store as REST sees it: a change is answered when the next INVITE will see it, not only when it is written.
type liveStore struct {
	provisioning.Store
	directory *directory.Directory
	log       *slog.Logger
}

// Update implements provisioning.Store. What is written stays written: a late directory is logged and no error.
func (s liveStore) Update(ctx context.Context, who provisioning.Subject, change func(provisioning.Writer) error) error {
	var version provisioning.Version
	err := s.Store.Update(ctx, who, func(w provisioning.Writer) error {
		err := change(w)
		version = w.Version()
		return err
	})
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, livePatience)
	defer cancel()
	if err := s.directory.WaitVersion(wait, version); err != nil {
		s.log.Warn("pbx: a change was answered before calls see it", "version", version, "err", err)
	}
	return nil
}
