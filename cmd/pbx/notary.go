package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"naisen/provisioning/audit"
	"naisen/recorder/objstore"
)

// checkpointPart is the name below which checkpoints of the audit log are kept in the object store; no domain is called so.
const checkpointPart = "_audit"

const (
	checkpointKeep  = 400 * 24 * time.Hour // how long a checkpoint is locked: more than a year, as long as the log must be provable
	checkpointEvery = 5 * time.Minute
	checkpointLate  = time.Hour // after which checkpoints that do not leave this machine are an alarm
	maxCheckpoint   = 16 << 10
)

// checkpointStore is an audit.Archive in the object store.
type checkpointStore struct {
	store objstore.Store
	now   func() time.Time
}

var _ audit.Archive = checkpointStore{}

// newCheckpointStore keeps them beside recordings, below a name: see logPart.
func newCheckpointStore(s objstore.Store, part string, now func() time.Time) checkpointStore {
	return checkpointStore{objstore.Under(s, part), now}
}

// own are the names that are not below those of a log that was put back.
func (c checkpointStore) own(ctx context.Context, fn func(name string)) error {
	return c.store.List(ctx, "", func(i objstore.Info) error {
		if !strings.Contains(i.Name, "/") {
			fn(i.Name)
		}
		return nil
	})
}

// Put implements audit.Archive. As with recordings the lock follows when the object was read back: what a lying store keeps instead could not be taken
// away again. A store without locks keeps it all the same; that is another alarm's.
func (c checkpointStore) Put(ctx context.Context, name string, signed []byte) error {
	err := c.store.Put(ctx, name, bytes.NewReader(signed), int64(len(signed)), objstore.Lock{})
	if err != nil && !errors.Is(err, objstore.ErrExists) {
		return err
	}
	there, err := c.read(ctx, name)
	if err != nil {
		return err
	}
	// The same checkpoint may be there with another witness's line, or of another time.
	if text, _, ok := strings.Cut(string(there), "\ntime "); !ok || !strings.HasPrefix(string(signed), text+"\n") {
		return fmt.Errorf("%w: the archive has another checkpoint of the same size", audit.ErrBroken)
	}
	err = c.store.Retain(ctx, name, c.now().Add(checkpointKeep))
	if errors.Is(err, objstore.ErrNoLocks) {
		return nil
	}
	return err
}

// Last implements audit.Archive.
func (c checkpointStore) Last(ctx context.Context, before string) (last string, signed []byte, err error) {
	err = c.own(ctx, func(name string) {
		if before == "" || name < before {
			last = name
		}
	})
	if err != nil || last == "" {
		return "", nil, err
	}
	signed, err = c.read(ctx, last)
	return last, signed, err
}

func (c checkpointStore) read(ctx context.Context, name string) ([]byte, error) {
	r, err := c.store.Get(ctx, name, 0, maxCheckpoint)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxCheckpoint))
}

// storedCheckpoints are all of this log in the object store that are authentic.
func storedCheckpoints(ctx context.Context, config Config, public string) (all []audit.Checkpoint, err error) {
	return storedIn(ctx, config, config.logPart(), public)
}

func storedIn(ctx context.Context, config Config, part, public string) (all []audit.Checkpoint, err error) {
	s, err := storeBeside(config)
	if err != nil {
		return nil, err
	}
	c := newCheckpointStore(s, part, time.Now)
	var names []string
	err = c.own(ctx, func(name string) { names = append(names, name) })
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		signed, err := c.read(ctx, name)
		if err != nil {
			return nil, err
		}
		one, err := audit.OpenCheckpoint(signed, public)
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", part, name, err)
		}
		all = append(all, one)
	}
	return all, nil
}

// startNotary takes checkpoints off this machine. Where the log was found altered at the start nothing is signed, and so there is nothing to take.
func (p *pbx) startNotary(ctx context.Context) error {
	r, there, err := readRestored(p.config.path("checkpoints"))
	if err != nil {
		return fmt.Errorf("checkpoints/%s: %w", restoredName, err)
	}
	if there && !r.Accepted {
		p.alarms.set("audit-restored", "", "", r.String(), true)
	}
	if p.checkpoints == nil {
		return nil
	}
	cfg := audit.PublisherConfig{Checkpoints: p.checkpoints, Key: p.auditKey, Source: p.store, Archive: newCheckpointStore(p.vault.store, p.config.logPart(), time.Now),
		Interval: checkpointEvery, Mine: p.nodes.Mine, Log: p.log, Broken: func(err error) {
			p.alarms.set("audit-broken", "", "", "", true)
			p.log.Error("pbx: THE AUDIT LOG IS NOT THE ONE THAT WAS WITNESSED; no checkpoint is signed until `pbx audit verify --store` is answered", "err", err)
		}}
	if w := p.config.Audit.Witness; w.URL != "" {
		var err error
		if cfg.Witness, err = audit.NewWitness(w.URL, w.Key, &http.Client{Timeout: 10 * time.Second}); err != nil {
			return fmt.Errorf("audit.witness: %w", err)
		}
	}
	p.publisher = audit.NewPublisher(ctx, cfg)
	p.alarms.watch("audit-unpublished", func() bool { at := p.publisher.Behind(); return !at.IsZero() && time.Since(at) > checkpointLate })
	p.closing("audit publisher", p.publisher.Close)
	return nil
}
