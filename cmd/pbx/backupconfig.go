package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"golang.org/x/time/rate"

	"naisen/recorder/objstore"
	"naisen/recorder/objstore/dir"
	"naisen/recorder/seal"
)

// BackupConfig says where copies of everything but recordings go, how often, and who can open them.
type BackupConfig struct {
	To         string      `yaml:"to"`         // "store": the object store of the recordings; or a directory; empty: no copies are made by themselves
	Every      Duration    `yaml:"every"`      // 24h
	Keep       Duration    `yaml:"keep"`       // how long a copy is kept, and locked where that can be; 336h. The newest three stay longer
	Late       Duration    `yaml:"late"`       // how old the newest may get before that is an alarm; every and six hours more
	Recipients string      `yaml:"recipients"` // file with who can open them, one age1pq... in a line; the recovery key's when missing
	Drill      DrillConfig `yaml:"drill"`
	Rate       int         `yaml:"rate"` // MiB a second that are read and written, of what is sealed; 16
}

// backupPart is the name below which copies are kept in the object store; no domain is called so.
const backupPart = "_backups"

// backupToStore is the word for the object store.
const backupToStore = "store"

const leastEvery = time.Minute

func (b *BackupConfig) setDefaults() {
	if b.Every == 0 {
		b.Every = Duration(24 * time.Hour)
	}
	if b.Keep == 0 {
		b.Keep = Duration(14 * 24 * time.Hour)
	}
	if b.Late == 0 {
		b.Late = b.Every + Duration(6*time.Hour)
	}
	if b.Rate == 0 {
		b.Rate = 16
	}
}

func (b *BackupConfig) validate() error {
	switch {
	case b.To != "" && b.To != backupToStore && !filepath.IsAbs(b.To):
		return invalid("backup.to", `is "store" or the path of a directory from the root`)
	case time.Duration(b.Every) < leastEvery:
		return invalid("backup.every", "is less than a minute")
	case b.Keep < b.Every:
		return invalid("backup.keep", "is less than backup.every: no copy would be there when the next one is made")
	case b.Late < b.Every:
		return invalid("backup.late", "is less than backup.every")
	case b.Rate < 1 || b.Rate > 10_000:
		return invalid("backup.rate", "is from 1 to 10000")
	}
	return b.Drill.validate(b.To)
}

// shelf opens what copies are kept in. objects is the store of the recordings.
func (b *BackupConfig) shelf(objects objstore.Store, domain string) (objstore.Store, error) {
	if b.To == backupToStore {
		return objstore.Under(objects, backupPart+"/"+domain), nil
	}
	s, err := dir.Open(b.To, time.Now)
	if err != nil {
		return nil, fmt.Errorf("backup.to: %w", err)
	}
	return objstore.Under(s, domain), nil
}

// recipients are who opens backups: those of a file, or the recovery key, whose recipient is beside every switch.
func (c Config) recipients(file string) (seal.Recipients, error) {
	if file != "" {
		return seal.ReadRecipients(file)
	}
	files, err := openPublic(c)
	if err != nil {
		return seal.Recipients{}, fmt.Errorf("the recovery key's recipient: %w", err)
	}
	return files.Recovery(), nil
}

// paced writes no faster than a rate, in octets a second.
type paced struct {
	to   io.Writer
	wait func(n int) error // until so many octets may be written
	n    int64             // written
}

const paceBurst = 1 << 20

func newPaced(ctx context.Context, to io.Writer, mebibytes int) *paced {
	at := rate.NewLimiter(rate.Limit(mebibytes<<20), paceBurst)
	return &paced{to: to, wait: func(n int) error { return at.WaitN(ctx, n) }}
}

// Write implements io.Writer.
func (p *paced) Write(b []byte) (done int, err error) {
	for len(b) > 0 {
		part := b[:min(len(b), paceBurst)]
		if err := p.wait(len(part)); err != nil {
			return done, err
		}
		n, err := p.to.Write(part)
		done, p.n = done+n, p.n+int64(n)
		if err != nil {
			return done, err
		}
		b = b[n:]
	}
	return done, nil
}
