package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/nodes"
	"naisen/media"
	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/evidence"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/dir"
	"naisen/recorder/pipeline"
	"naisen/recorder/seal"
)

// hung is a node's way to the table, which it may not find.
type hung struct {
	provisioning.NodeTable
	is atomic.Bool
}

func (h *hung) Beat(ctx context.Context, name string, body []byte) ([]provisioning.NodeRow, []provisioning.Lease, error) {
	if h.is.Load() {
		return nil, nil, errors.New("hung")
	}
	return h.NodeTable.Beat(ctx, name, body)
}

// heir is a node that records into a folder which others have too.
type heir struct {
	*archivist
	table *hung
	nodes *nodes.Members
	line  *pipeline.Pipeline
	heirs *heirs
	lost  int
}

type heirsRig struct {
	t    *testing.T
	root string
	log  *store.Store
	objs *dir.Store
	keys *secret.Keyring
	seal *seal.Files
}

func newHeirsRig(t *testing.T) *heirsRig {
	t.Helper()
	data := t.TempDir()
	r := &heirsRig{t: t, root: filepath.Join(data, "journals"), log: openAudit(t)}
	var err1, err2, err3 error
	r.objs, err1 = dir.Shared(filepath.Join(data, "objects"), nil)
	r.keys, err2 = secret.OpenKeyring(filepath.Join(data, "secrets.key"))
	r.seal, err3 = seal.OpenFiles(filepath.Join(data, "vault"), nil)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.objs.Close() })
	return r
}

func (r *heirsRig) node(name string) *heir {
	t := r.t
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	v := &vault{files: r.seal, sealer: seal.New(r.seal), store: r.objs}
	var err error
	if v.catalogue, err = catalogue.Open(t.Context(), filepath.Join(t.TempDir(), "catalogue.db"), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.catalogue.Close() })
	key, err := evidenceKey(filepath.Join(r.root, "..", "evidence.key"))
	if err != nil {
		t.Fatal(err)
	}
	h := &heir{archivist: newArchivist(t, r.log, v, key), table: &hung{NodeTable: r.log}}
	h.nodes = nodes.New(nodes.Config{Name: name, Table: h.table, Seal: r.keys, Log: quiet})
	h.nodes.Want(partPrefix + name)
	h.nodes.Start(t.Context(), nodes.Statement{Start: "start of " + name})
	t.Cleanup(func() { _ = h.nodes.Close(context.Background()) })
	c := v.pipelineConfig(Config{Node: name, Recording: RecordingConfig{Journals: r.root}}, r.log, nil, quiet)
	c.Renderer = nil
	if h.line, err = pipeline.Open(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = h.line.Close(ended)
	})
	h.heirs = &heirs{root: r.root, node: name, nodes: h.nodes, clock: time.Now, log: quiet, still: map[string]stillness{}, lost: func(string) { h.lost++ },
		open: func(at string, rows *catalogue.Catalogue) (*pipeline.Pipeline, error) {
			of := c
			of.Dir, of.Catalogue = at, rows
			return pipeline.Open(of)
		}}
	return h
}

// live lets seconds go by, in which some nodes look after the others' journals.
func (r *heirsRig) live(seconds int, all ...*heir) {
	r.t.Helper()
	for range seconds {
		time.Sleep(time.Second)
		for _, h := range all {
			if err := errors.Join(h.heirs.own(), h.heirs.others(r.t.Context()), h.heirs.finish(r.t.Context())); err != nil {
				r.t.Error(err)
			}
		}
	}
}

// begin records some seconds of a call that goes on.
func (h *heir) begin(id string) (rec recorder.Recording, talk func()) {
	h.t.Helper()
	rec, err := h.line.Start(recorder.Case{ID: id, Domain: keepDomain, Call: "c-" + id, DID: "100", Direction: "inbound", Policy: "always", Started: time.Now(), RetentionDays: 30,
		Parties: []recorder.Party{{Endpoint: "A", Role: "caller", Number: "0901"}, {Endpoint: "B", Role: "called", Number: "2001"}}})
	if err != nil {
		h.t.Fatal(err)
	}
	tap, n, began := rec.Tap(), 0, time.Now()
	return rec, func() {
		for range 100 {
			time.Sleep(20 * time.Millisecond)
			for _, from := range []string{"A", "B"} {
				tap.Tap(&media.Frame{From: from, Codec: media.PCMU, Payload: []byte(strings.Repeat("\x80", 160)), Sequence: uint16(n), Timestamp: uint32(n) * 160, SSRC: uint32(from[0]),
					Arrived: int64(time.Since(began))})
			}
			n++
		}
	}
}

// entries says how often the log has it that a recording is stored.
func (r *heirsRig) entries(id string) (n int) {
	r.t.Helper()
	err := r.log.View(r.t.Context(), func(v provisioning.Reader) error {
		all, err := v.Audit(keepDomain, provisioning.AuditQuery{Action: evidence.StoredAction, Object: "recording/" + id})
		n = len(all)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *heirsRig) objects(id string) (names []string) {
	r.t.Helper()
	if err := r.objs.List(r.t.Context(), "", func(i objstore.Info) error {
		if strings.Contains(i.Name, "/"+id+".") {
			names = append(names, i.Name)
		}
		return nil
	}); err != nil {
		r.t.Fatal(err)
	}
	return names
}

// TestHeirs: what a node was recording when it hung is finished by another one, once that node is dead and its files stand still: stored once, marked
// interrupted, found at both. When it wakes it has nothing to store a second time, begins a new part, says so, and records on.
func TestHeirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newHeirsRig(t)
		a, b := r.node("a"), r.node("b")
		r.live(4)
		a.heirs.turn, _ = a.nodes.Holds(partPrefix + "a")
		b.heirs.turn, _ = b.nodes.Holds(partPrefix + "b")
		rec, talk := a.begin("r1")
		talk()

		a.table.is.Store(true)
		for range 8 { // it has lost the database alone: it records, and keeps what it has
			talk()
			r.live(1, b)
		}
		if n := r.entries("r1"); n != 0 {
			t.Fatal("taken from a node that records")
		}
		r.live(heirsSeconds+5, b) // now it hangs
		b.turn()
		if row := b.row("r1"); row.State != recorder.Stored || !row.Interrupted {
			t.Errorf("at the heir: %+v", row)
		}
		if _, err := os.Stat(filepath.Join(r.root, "b", taken)); err == nil {
			if left, _ := os.ReadDir(filepath.Join(r.root, "b", taken)); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		}

		talk() // it wakes, and goes on as if nothing had been
		rec.Stop(time.Now(), "bye")
		a.table.is.Store(false)
		r.live(5, a, b)
		if a.lost != 1 || b.lost != 0 {
			t.Errorf("told %d and %d times", a.lost, b.lost)
		}
		second, talk := a.begin("r2")
		talk()
		second.Stop(time.Now(), "bye")
		settled, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := a.line.Settle(settled); err != nil {
			t.Error(err)
		}
		a.turn()
		b.turn()
		for _, h := range []*heir{a, b} {
			for _, id := range []string{"r1", "r2"} {
				if row := h.row(id); row.State != recorder.Stored {
					t.Errorf("%s: %+v", id, row)
				}
				if n := r.entries(id); n != 1 {
					t.Errorf("%s was stored %d times", id, n)
				}
				if names := r.objects(id); len(names) != 2 {
					t.Errorf("%s: %v", id, names)
				}
			}
		}
	})
}

const heirsSeconds = int(heirsStill / time.Second)
