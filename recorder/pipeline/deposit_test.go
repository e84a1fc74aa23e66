package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"testing"

	"naisen/recorder"
	"naisen/recorder/catalogue"
)

// register is an audit log that can be away.
type register struct {
	mu   sync.Mutex
	away bool
	told []recorder.Deposit
}

func (r *register) deposit(_ context.Context, d recorder.Deposit) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return errors.New("the audit log is away")
	}
	r.told = append(r.told, d)
	return nil
}

func (r *register) list() []recorder.Deposit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told
}

func (r *register) back() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = false
}

// TestDeposit: what is told of a recording are the hashes of what lies in the store, and while nobody can write that down it is not called stored and its
// journal stays.
func TestDeposit(t *testing.T) {
	log := &register{away: true}
	r := openRig(t, t.TempDir(), nil, func(c *Config) { c.Deposit = log.deposit })
	r.record(t, "r1", 1)
	wait(t, func() bool { return r.Stats().UploadErrors > 0 })
	if row := r.row(t, "r1"); row.State != recorder.Captured || len(r.leftovers(t)) == 0 {
		t.Errorf("nobody wrote it down, and it is %s, with %q here", row.State, r.leftovers(t))
	}
	log.back()
	wait(t, func() bool { return r.row(t, "r1").State == recorder.Stored })
	r.settle(t)
	if len(log.list()) != 1 {
		t.Fatalf("told: %+v", log.list())
	}
	d := log.list()[0]
	row := r.row(t, "r1")
	name := catalogue.ManifestName(row.Object)
	m, text, err := catalogue.ReadManifestText(t.Context(), r.store, r.sealer, "a.example", name)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := r.store.Get(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	all, err := io.ReadAll(sealed)
	if err != nil {
		t.Fatal(err)
	}
	hash := func(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }
	if d.ID != "r1" || d.ManifestSHA256 != hash(text) || d.SealedManifestSHA256 != hash(all) || d.SealedSHA256 != m.SealedSHA256 || d.AudioSHA256 != m.AudioSHA256 {
		t.Errorf("%+v", d)
	}
}
