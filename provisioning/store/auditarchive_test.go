package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

// shelf keeps archives in memory, or fails.
type shelf struct {
	kept [][]byte
	err  error
}

func (s *shelf) Put(_ context.Context, prefix string, plain []byte) (string, error) {
	if s.err != nil {
		return "", s.err
	}
	s.kept = append(s.kept, bytes.Clone(plain))
	return prefix, nil
}

const testBlock = 16

// agedStore has 40 entries of two years ago and 60 of today, a key and an archiver that archives what it may.
func agedStore(t *testing.T) (s *Store, path string, key *audit.Key, a *audit.Archiver, to *shelf, proven *int64) {
	t.Helper()
	dir := t.TempDir()
	s, path = indexedStore(t, dir), filepath.Join(dir, "pbx.db")
	now := time.Now().UTC()
	var list []provisioning.AuditEntry
	for i := range 100 {
		at := now.Add(-2*audit.MinKeep + time.Duration(i)*time.Hour)
		if i >= 40 {
			at = now.Add(time.Duration(i) * time.Second)
		}
		list = append(list, provisioning.AuditEntry{Time: at, Domain: indexedDomain, Subject: "taro@a.example", Action: "recording.listen", Object: fmt.Sprint("c", i), Outcome: "allowed", Reason: "苦情"})
	}
	enterAudit(t, s, list)
	if err := s.index.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, err := audit.OpenKey(filepath.Join(dir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	to, proven = &shelf{}, new(int64)
	*proven = 100
	a, err = audit.NewArchiver(audit.ArchiverConfig{Log: s, Key: key, Shelf: to, Domain: indexedDomain, Keep: audit.MinKeep, Block: testBlock, Proven: func() int64 { return *proven }})
	if err != nil {
		t.Fatal(err)
	}
	return s, path, key, a, to, proven
}

func recordsFrom(t *testing.T, log audit.Log, after int64, n int) []audit.Record {
	t.Helper()
	out, err := log.AuditRecords(t.Context(), after, n)
	if err != nil || len(out) != n {
		t.Fatalf("%d records after %d, want %d: %v", len(out), after, n, err)
	}
	return out
}

// TestArchive: whole blocks of what is old enough leave the database, and nothing else; log and archives prove each other, the log goes on, and each archive is told in it.
func TestArchive(t *testing.T) {
	s, path, key, a, to, _ := agedStore(t)
	before := recordsFrom(t, s, 0, 100)
	whole, err := audit.Verify(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := a.Archive(t.Context(), 10); n != 2 || err != nil || len(to.kept) != 2 {
		t.Fatalf("%d blocks, %d archives, %v", n, len(to.kept), err)
	}
	left := recordsFrom(t, s, 0, 70) // 68, and two that tell of it
	if left[0].Seq != 33 || left[68].Entry.Action != "audit.archived" || left[69].Entry.Domain != indexedDomain {
		t.Errorf("what is left begins with %d and ends with %+v", left[0].Seq, left[69].Entry)
	}
	at := audit.Checkpoint{Size: whole.Size, Root: whole.Root, Time: time.Now()}
	l, err := OpenLog(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, log := range []audit.Log{s, l} {
		r, err := audit.Verify(t.Context(), log, audit.Checkpoint{Size: 20}, at)
		if err != nil || r.Size != 102 || r.Archived != 32 || r.Passed != 1 || r.Checkpoints != 1 || !strings.Contains(r.String(), "first 32 are in archives") {
			t.Errorf("%+v %v", r, err)
		}
	}
	seq := int64(0)
	for i, plain := range to.kept {
		seg, err := audit.ReadSegment(bytes.NewReader(plain), key.Public(), func(r audit.Record) {
			if string(r.Leaf) != string(before[seq].Leaf) || r.Seq != seq+1 {
				t.Errorf("entry %d is another one", r.Seq)
			}
			seq++
		})
		if err != nil || seg.First != int64(i*testBlock+1) || seg.Last != int64((i+1)*testBlock) || !seg.Newest.Equal(before[seg.Last-1].Entry.Time) {
			t.Errorf("%+v %v", seg, err)
		}
		if err := audit.HoldSegment(t.Context(), l, seg); err != nil {
			t.Error(err)
		}
		seg.Root[0]++
		if err := audit.HoldSegment(t.Context(), l, seg); !errors.Is(err, audit.ErrSegment) {
			t.Errorf("another root: %v", err)
		}
	}
	signed, err := key.Sign(at)
	if err != nil {
		t.Fatal(err)
	}
	if x, err := audit.NewExtract(t.Context(), s, signed, key.Public(), []int64{33, 48, 64, 100}); err != nil || len(x.Entries) != 4 {
		t.Errorf("proofs of what is left: %v", err)
	}
	if err := audit.Export(t.Context(), s, &bytes.Buffer{}); err == nil {
		t.Error("a log that is not whole was exported as if it were")
	}
}

// TestArchivedLogIsSearched: a search says from when it has entries, and finds those that are there, whatever the index still has.
func TestArchivedLogIsSearched(t *testing.T) {
	s, _, _, a, _, _ := agedStore(t)
	ask := func(q provisioning.AuditSearch) provisioning.AuditPage {
		t.Helper()
		p, err := s.SearchAudit(t.Context(), indexedDomain, q)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := ask(provisioning.AuditSearch{Kind: "listening"}); !p.From.IsZero() || len(p.Entries) != 100 {
		t.Errorf("from %v, %d entries", p.From, len(p.Entries))
	}
	last := recordsFrom(t, s, 31, 1)[0].Entry.Time
	if from, err := s.AuditFrom(t.Context()); err != nil || !from.IsZero() {
		t.Errorf("from %v, %v", from, err)
	}
	if n, err := a.Archive(t.Context(), 10); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if from, err := s.AuditFrom(t.Context()); err != nil || !from.Equal(last) {
		t.Errorf("from %v, %v", from, err)
	}
	for _, newest := range []bool{false, true} {
		if p := ask(provisioning.AuditSearch{Kind: "listening", AuditQuery: provisioning.AuditQuery{Newest: newest}}); !p.From.Equal(last) || len(p.Entries) != 68 || p.Next != 0 {
			t.Errorf("from %v, want %v, %d entries", p.From, last, len(p.Entries))
		}
		if p := ask(provisioning.AuditSearch{AuditQuery: provisioning.AuditQuery{Object: "c3", Newest: newest}}); len(p.Entries) != 0 || p.Next != 0 {
			t.Errorf("%+v", p)
		}
	}
}

// TestArchiveRefuses: what is young, not proven elsewhere, not on the shelf, altered or not the first that is there stays, whoever asks.
func TestArchiveRefuses(t *testing.T) {
	s, path, key, a, to, proven := agedStore(t)
	stays := func(why string, want int64, n int, err error) {
		t.Helper()
		got, err2 := s.AuditArchived(t.Context())
		if got != want || err2 != nil {
			t.Errorf("%s: %d blocks, %d entries are archived, want %d: %v %v", why, n, got, want, err, err2)
		}
	}
	to.err = errors.New("the store is down")
	n, err := a.Archive(t.Context(), 10)
	if !errors.Is(err, to.err) {
		t.Errorf("%v", err)
	}
	stays("no shelf", 0, n, err)
	to.err, *proven = nil, testBlock-1
	n, err = a.Archive(t.Context(), 10)
	stays("no checkpoint", 0, n, err)
	*proven = 2*testBlock - 1
	n, err = a.Archive(t.Context(), 10)
	stays("one checkpoint", testBlock, n, err)
	for _, first := range []int64{1, 33, 49} { // gone, not the next one, young
		from := first
		if first == 1 {
			from = 17
		}
		var b bytes.Buffer
		seg, err := key.WriteSegment(&b, recordsFrom(t, s, from-1, testBlock), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if first == 1 {
			seg.First, seg.Last = 1, testBlock
		}
		err = s.ArchiveAudit(t.Context(), seg, "x", provisioning.AuditEntry{Domain: indexedDomain, Action: "audit.archived"})
		if err == nil {
			t.Errorf("entries from %d were archived", first)
		}
		stays("out of turn", testBlock, 0, err)
	}
	*proven = 100
	n, err = a.Archive(t.Context(), 10)
	stays("what may be", 2*testBlock, n, err)
	var b bytes.Buffer
	seg, err := key.WriteSegment(&b, recordsFrom(t, s, 2*testBlock, testBlock), time.Now()) // the next one, with young entries
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ArchiveAudit(t.Context(), seg, "x", provisioning.AuditEntry{Domain: indexedDomain, Action: "audit.archived"}); err == nil || !strings.Contains(err.Error(), "younger") {
		t.Errorf("young entries: %v", err)
	}
	stays("young", 2*testBlock, 0, nil)
	if _, err := audit.NewArchiver(audit.ArchiverConfig{Log: s, Key: key, Shelf: to, Domain: indexedDomain, Keep: audit.MinKeep - 1, Proven: func() int64 { return 0 }}); err == nil {
		t.Error("less than a year is a retention")
	}
	for _, q := range []string{"DELETE FROM audit WHERE seq = 33", "INSERT INTO audit SELECT 5, at, domain, subject, action, object, outcome, leaf, hashes FROM audit WHERE seq = 40",
		"UPDATE audit_block SET newest = 0", "DELETE FROM audit_block", "INSERT OR REPLACE INTO audit_block SELECT last, 0, object, hashes FROM audit_block"} {
		if err := withFile(path, q); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", q, err)
		}
	}
}

// TestArchiveTampered: an altered entry is not archived; altered hashes of what was archived are found out.
func TestArchiveTampered(t *testing.T) {
	s, path, _, a, _, _ := agedStore(t)
	good, err := audit.Verify(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := a.Archive(t.Context(), 1); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := withFile(path, "DROP TRIGGER audit_no_update; UPDATE audit SET leaf = CAST(replace(CAST(leaf AS TEXT), '苦情', '賞賛') AS BLOB) WHERE seq = 20"); err != nil {
		t.Fatal(err)
	}
	if n, err := a.Archive(t.Context(), 10); n != 0 || !errors.Is(err, audit.ErrBroken) {
		t.Errorf("an altered entry: %d, %v", n, err)
	}
	if err := withFile(path, "UPDATE audit SET leaf = CAST(replace(CAST(leaf AS TEXT), '賞賛', '苦情') AS BLOB) WHERE seq = 20"); err != nil {
		t.Fatal(err)
	}
	if n, err := a.Archive(t.Context(), 10); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for _, spoil := range []string{"UPDATE audit_block SET hashes = zeroblob(length(hashes)) WHERE last = 32", "UPDATE audit_block SET hashes = x'00' WHERE last = 32"} {
		if err := withFile(path, "DROP TRIGGER IF EXISTS audit_block_no_update; "+spoil); err != nil {
			t.Fatal(err)
		}
		if r, err := audit.Verify(t.Context(), s, audit.Checkpoint{Size: good.Size, Root: good.Root}); !errors.Is(err, audit.ErrBroken) || r.First != 1 {
			t.Errorf("%s: %+v, %v", spoil, r, err)
		}
	}
}
