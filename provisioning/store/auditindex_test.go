package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// plainSealer seals nothing: no test here has a secret.
type plainSealer struct{}

func (plainSealer) Seal(_, _, _ string, plain []byte) ([]byte, error)  { return plain, nil }
func (plainSealer) Open(_, _, _ string, sealed []byte) ([]byte, error) { return sealed, nil }

const (
	indexedDomain = "a.example"
	otherDomain   = "b.example"
)

// indexedStore has an index that follows only when it is told to.
func indexedStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Path: filepath.Join(dir, "pbx.db"), Sealer: plainSealer{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if s.index, err = s.openIndexFile(t.Context(), filepath.Join(dir, "index.db")); err != nil {
		t.Fatal(err)
	}
	s.index.stop, s.index.part = func() {}, 700
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func enterAudit(t *testing.T, s *Store, list []provisioning.AuditEntry) {
	t.Helper()
	err := s.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for _, e := range list {
			if err := w.AddAudit(e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// randomEntries of two domains, of a clock that is set now and then.
func randomEntries(r *rand.Rand, n int) (out []provisioning.AuditEntry) {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	at := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for range n {
		at = at.Add(time.Duration(r.IntN(100)) * time.Second)
		if r.IntN(400) == 0 {
			at = at.Add(time.Duration(r.IntN(7200)-3600) * time.Second)
		}
		e := provisioning.AuditEntry{Time: at.Add(-time.Duration(r.IntN(30)) * time.Second), Domain: pick(indexedDomain, indexedDomain, otherDomain), Subject: pick("taro", "hanako", "jiro") + "@a.example",
			Action: pick("extension.put", "extension.delete", "recording.listen", "recording.listen.served", "call.ended", "sip.sign-in"), Object: fmt.Sprint("extension/", 2000+r.IntN(20)),
			Outcome: pick("ok", "ok", "ok", "ok", "denied"), Source: fmt.Sprint("192.0.2.", r.IntN(5)), Reason: pick("", "苦情の調査", "情報公開の請求", "Wrong Password"),
			Detail: map[string]any{"display": pick("山田太郎", "田山花子", "ヤマダ", "Yamada-Taro"), "n": r.IntN(50)}}
		out = append(out, e)
	}
	return out
}

// pages follows a search to its end.
func pages(t *testing.T, s *Store, domain string, q provisioning.AuditSearch) (seqs []int64, count int) {
	t.Helper()
	for {
		p, err := s.SearchAudit(t.Context(), domain, q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if len(p.Entries) > q.Limit {
			t.Fatalf("%+v: a page of %d", q, len(p.Entries))
		}
		for _, e := range p.Entries {
			seqs = append(seqs, e.Seq)
		}
		if count++; p.Next == 0 {
			return seqs, count
		}
		if q.After == p.Next {
			t.Fatalf("%+v: the page after %d begins there again", q, p.Next)
		}
		q.After = p.Next
	}
}

func searches() []provisioning.AuditSearch {
	day := func(d, h int) time.Time { return time.Date(2026, 4, d, h, 0, 0, 0, time.UTC) }
	of := func(q provisioning.AuditQuery) provisioning.AuditSearch {
		return provisioning.AuditSearch{AuditQuery: q}
	}
	return []provisioning.AuditSearch{
		{}, {Kind: "listening"}, {Kind: "device"}, {Outcome: "denied"}, {Source: "192.0.2.3"}, {Text: "山田"}, {Text: "太郎 調査"}, {Text: "田"}, {Text: "ヤマダ"}, {Text: "yamada"},
		{Text: "wrong PASSWORD"}, {Text: "17"}, {Text: "nobody"}, {Text: "太山"}, {Text: "苦情の調査", Outcome: "denied", Kind: "admin"},
		of(provisioning.AuditQuery{Subject: "taro@a.example"}), of(provisioning.AuditQuery{Action: "recording."}), of(provisioning.AuditQuery{Action: "recording.listen"}),
		of(provisioning.AuditQuery{Action: "recording.listen."}), of(provisioning.AuditQuery{Action: "ex*"}), of(provisioning.AuditQuery{Action: "nothing*"}),
		of(provisioning.AuditQuery{Object: "extension/2003"}), of(provisioning.AuditQuery{Since: day(1, 5), Until: day(1, 7)}), of(provisioning.AuditQuery{Since: day(2, 0)}),
		of(provisioning.AuditQuery{Until: day(1, 1)}), of(provisioning.AuditQuery{Since: day(9, 0), Until: day(10, 0)}),
		{AuditQuery: provisioning.AuditQuery{Since: day(1, 5), Until: day(1, 20), Subject: "jiro@a.example"}, Outcome: "denied", Kind: "sign-in", Text: "花子"},
	}
}

// TestSearchFindsWhatIsThere: each kind of question, in both orders and pages of any length, gives exactly the entries that are so, of the one domain, whatever part of the log is in the index.
func TestSearchFindsWhatIsThere(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	s := indexedStore(t, t.TempDir())
	enterAudit(t, s, randomEntries(r, 2500))
	if err := s.index.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	enterAudit(t, s, randomEntries(r, 300))
	if err := s.index.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	enterAudit(t, s, randomEntries(r, 200)) // not in the index
	var all []provisioning.AuditEntry
	if err := s.View(t.Context(), func(rd provisioning.Reader) (err error) {
		all, err = rd.Audit(indexedDomain, provisioning.AuditQuery{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, q := range searches() {
		var want []int64
		for _, e := range all {
			if (&finder{domain: indexedDomain, q: q}).matches(e) {
				want = append(want, e.Seq)
			}
		}
		for _, newest := range []bool{false, true} {
			q := q
			q.Newest, q.Limit = newest, 1+r.IntN(300)
			got, _ := pages(t, s, indexedDomain, q)
			if newest {
				slices.Reverse(got)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v gives %d entries, want %d", q, len(got), len(want))
			}
		}
	}
	if found, _ := pages(t, s, indexedDomain, provisioning.AuditSearch{Text: "田山", AuditQuery: provisioning.AuditQuery{Limit: 1000}}); len(found) == 0 {
		t.Error("nothing was there to be found")
	}
}

// TestMatches: what an entry must be for each field, said apart from the search.
func TestMatches(t *testing.T) {
	at := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	e := provisioning.AuditEntry{Time: at, Domain: indexedDomain, Subject: "taro@a.example", Action: "recording.listen", Object: "c1", Outcome: "denied", Source: "192.0.2.1", Reason: "苦情の調査",
		Detail: map[string]any{"n": 17.0, "names": []any{"Yamada-Taro"}}}
	for text, want := range map[string]bool{"taro": true, "TARO yamada": true, "tar": false, "苦情": true, "情の調": true, "調査 苦情": true, "調苦": false, "苦": true, "情": false, "17": true, "9": false,
		"192.0.2.1": true, "192.0.2.9": false} {
		if got := (&finder{domain: indexedDomain, q: provisioning.AuditSearch{Text: text}}).matches(e); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for i, q := range []provisioning.AuditSearch{{Kind: "call"}, {Outcome: "ok"}, {Source: "192.0.2.2"}, {AuditQuery: provisioning.AuditQuery{Subject: "taro"}}, {AuditQuery: provisioning.AuditQuery{Action: "recording"}},
		{AuditQuery: provisioning.AuditQuery{Action: "recordings."}}, {AuditQuery: provisioning.AuditQuery{Object: "c2"}}, {AuditQuery: provisioning.AuditQuery{Since: at.Add(1)}}, {AuditQuery: provisioning.AuditQuery{Until: at}}} {
		if (&finder{domain: indexedDomain, q: q}).matches(e) {
			t.Errorf("question %d is answered by another entry", i)
		}
	}
	if (&finder{domain: otherDomain}).matches(e) {
		t.Error("another domain's entry is found")
	}
}

// TestSearchIsBounded: whatever is asked, a page reads a bounded number of entries, says that there is more, and the pages together have everything. Words that
// never meet cost one part of the index after the other: TestWordsOfOnePart.
func TestSearchIsBounded(t *testing.T) {
	s := indexedStore(t, t.TempDir())
	s.index.part = indexPart
	var list []provisioning.AuditEntry
	for i := range 3 * searchRows {
		list = append(list, provisioning.AuditEntry{Time: time.Unix(int64(i), 0), Domain: indexedDomain, Subject: "system", Action: "call.ended", Object: fmt.Sprint("c", i), Outcome: "ok", Reason: "あいうい"})
	}
	list[10].Reason = "あいいう"
	enterAudit(t, s, list)
	for _, indexed := range []bool{false, true} {
		if indexed {
			if err := s.index.catchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		found, n := pages(t, s, indexedDomain, provisioning.AuditSearch{Text: "いいう", AuditQuery: provisioning.AuditQuery{Limit: 100, Newest: true}})
		if len(found) != 1 || found[0] != 11 || !indexed && n < 3 || indexed && n != 1 {
			t.Errorf("indexed %v: found %v in %d pages", indexed, found, n)
		}
	}
	// The index cannot tell letters in another order: each entry proposed is read, a bounded number for each page.
	if found, n := pages(t, s, indexedDomain, provisioning.AuditSearch{Text: "ういう あい", AuditQuery: provisioning.AuditQuery{Limit: 100}}); len(found) != 0 || n > 4 {
		t.Errorf("found %v in %d pages", found, n)
	}
}

// TestIndexIsMadeAnew: an index that is gone, spoiled, of another version or of another log is made anew; one that is whole goes on where it was.
func TestIndexIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "index.db")
	open := func() *Store {
		t.Helper()
		s, err := Open(t.Context(), Config{Path: filepath.Join(dir, "pbx.db"), Sealer: plainSealer{}, Index: path, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	indexed := func(s *Store, want int64) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			if seq, _, err := s.index.progress(ctx); err != nil || seq == want {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			<-tick.C
		}
	}
	s := open()
	enterAudit(t, s, randomEntries(rand.New(rand.NewPCG(1, 1)), 50))
	indexed(s, 50)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"whole":   func() error { return nil },
		"gone":    func() error { return os.Remove(path) },
		"spoiled": func() error { return os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600) },
		"newer":   func() error { return withFile(path, "PRAGMA user_version = 99") },
		"another": func() error { return withFile(path, "UPDATE progress SET hashes = x'00', seq = 7") },
	} {
		if err := errors.Join(os.WriteFile(path, whole, 0o600), spoil()); err != nil {
			t.Fatal(name, err)
		}
		s := open()
		indexed(s, 50)
		if found, _ := pages(t, s, indexedDomain, provisioning.AuditSearch{Kind: "listening", AuditQuery: provisioning.AuditQuery{Limit: 100}}); len(found) == 0 {
			t.Errorf("%s: nothing is found", name)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if now, err := os.ReadFile(path); err != nil || name == "whole" && sha256.Sum256(now) != sha256.Sum256(whole) {
			t.Errorf("%s: a whole index was written again, %v", name, err)
		}
	}
}

// TestWordsOfOnePart: no word of the index has entries of two parts of the log, so that a question costs what a part has, whether or not its words ever meet.
func TestWordsOfOnePart(t *testing.T) {
	dir := t.TempDir()
	s := indexedStore(t, dir)
	enterAudit(t, s, randomEntries(rand.New(rand.NewPCG(2, 2)), 2500))
	if err := s.index.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := withFile(filepath.Join(dir, "index.db"), "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5vocab(entry, instance)"); err != nil {
		t.Fatal(err)
	}
	var words, parts, apart int64
	err := s.index.read.QueryRowContext(t.Context(), "SELECT count(*), count(DISTINCT low), count(*) FILTER (WHERE low <> high) FROM (SELECT min((doc-1)/?) low, max((doc-1)/?) high FROM words GROUP BY term)",
		s.index.part, s.index.part).Scan(&words, &parts, &apart)
	if err != nil || words < 100 || parts != 4 || apart != 0 {
		t.Errorf("%d words in %d parts, %d of them in several: %v", words, parts, apart, err)
	}
}

func withFile(path, statement string) error {
	db, err := openFile(path, 1, "")
	if err != nil {
		return err
	}
	_, err = db.Exec(statement)
	return errors.Join(err, db.Close())
}

// TestIndexNamesNobody: no word of an entry stands in the file.
func TestIndexNamesNobody(t *testing.T) {
	dir := t.TempDir()
	s := indexedStore(t, dir)
	enterAudit(t, s, []provisioning.AuditEntry{{Domain: indexedDomain, Subject: "yamadataro@a.example", Action: "recording.listen", Object: "plantedobject", Outcome: "ok", Reason: "plantedreason 苦情"}})
	if err := s.index.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "index.db"))
	if err != nil || len(text) == 0 {
		t.Fatal(err)
	}
	for _, planted := range []string{"yamadataro", "plantedobject", "plantedreason", "苦情"} {
		if strings.Contains(strings.ToLower(string(text)), planted) {
			t.Errorf("%s stands in the index", planted)
		}
	}
}
