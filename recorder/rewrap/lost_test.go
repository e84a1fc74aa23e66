package rewrap

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore/mem"
	"naisen/recorder/seal"
)

// Of recordings that a store has lost, however many, some are told and all are counted; after each the run rests, and it goes through all of them.
func TestLostAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lost = maxTold + 50
		ring, err := seal.OpenFiles(t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		cat, err := catalogue.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer cat.Close()
		var all []recorder.Manifest
		for i := range lost {
			all = append(all, recorder.Manifest{Version: 1, Case: recorder.Case{ID: fmt.Sprintf("r%03d", i), Domain: domain, Started: time.Now()}})
		}
		if err := cat.StoredAll(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		began := time.Now() // the bubble's clock, which goes on only while everything waits
		r, err := Run(t.Context(), Config{Catalogue: cat, Store: mem.New(time.Now), Keys: seal.New(ring), Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil || r != (Report{Failed: lost}) {
			t.Fatalf("%+v %v", r, err)
		}
		if n := bytes.Count(log.Bytes(), []byte("\n")); n != maxTold {
			t.Errorf("%d lines", n)
		}
		if rested := time.Since(began); rested < lost*failedRest {
			t.Errorf("rested %v of %d", rested, lost)
		}
	})
}
