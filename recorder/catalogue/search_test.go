package catalogue

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
)

// testWords compares numbers by their last nine digits, and katakana as hiragana.
func testWords() Words {
	return Words{
		Number: func(s string) string {
			s = strings.Map(func(r rune) rune {
				if r < '0' || r > '9' {
					return -1
				}
				return r
			}, s)
			return s[max(len(s)-9, 0):]
		},
		Fold: func(s string) string {
			return strings.Map(func(r rune) rune {
				switch {
				case r == ' ' || r == '　' || r == '・':
					return -1
				case r >= 'ァ' && r <= 'ヶ':
					return r - ('ァ' - 'ぁ')
				}
				return r
			}, strings.ToLower(s))
		},
	}
}

func openSearch(t testing.TB) *Catalogue {
	t.Helper()
	c, err := OpenWith(t.Context(), filepath.Join(t.TempDir(), "c.db"), func() time.Time { return began }, testWords())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var everything = recorder.Scope{All: true}

func ids(t testing.TB, c *Catalogue, s Search) string {
	t.Helper()
	if s.Domain == "" {
		s.Domain = "a.example"
	}
	rows, next, err := c.Search(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		out = append(out, r.ID)
	}
	if next != 0 {
		out = append(out, "...")
	}
	return strings.Join(out, " ")
}

// By what a recording is found: each field in the spellings that people have for it.
func TestSearch(t *testing.T) {
	c := openSearch(t)
	for i, k := range []recorder.Case{
		{ID: "a", DID: "0312345678", Groups: []string{"6000", "7001"}, Label: recorder.Internal, Parties: []recorder.Party{{Number: "+819011112222", Name: "山田 太郎"}, {Number: "2001", Name: "税務課"}}},
		{ID: "b", DID: "0312345678", Label: recorder.Public, Parties: []recorder.Party{{Number: "08033334444", Name: "ヤマダ・ハナコ"}, {Number: "2002", Name: "森"}}},
		{ID: "c", DID: "+81398765432", Groups: []string{"7001"}, Parties: []recorder.Party{{Number: "anonymous", Name: "John Smith"}, {Number: "2001", Name: "税務課"}, {Name: "かいか かき"}}},
	} {
		k.Domain, k.Started = "a.example", began.Add(time.Duration(i)*time.Hour)
		if err := c.Begin(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Stored(t.Context(), manifest(recorder.Case{ID: "b", Domain: "a.example", DID: "0312345678", Label: recorder.Public, Started: began.Add(time.Hour),
		Parties: []recorder.Party{{Number: "08033334444", Name: "ヤマダ・ハナコ"}, {Number: "2002", Name: "森"}}})); err != nil {
		t.Fatal(err)
	}
	for id, text := range map[string]string{"a": "市民税の苦情。折り返し希望", "b": "苦情ではない"} {
		if _, err := c.AddNote(t.Context(), "a.example", id, "taro@a.example", text); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.SetCase(t.Context(), "a.example", "c", "taro@a.example", "R8-17"); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		s    Search
		want string
	}{
		"all":                  {Search{}, "c b a"},
		"number":               {Search{Number: "+81 3-1234-5678"}, "b a"},
		"number of nobody":     {Search{Number: "0399999999"}, ""},
		"no number at all":     {Search{Number: "x"}, ""},
		"party, E.164":         {Search{Party: "09011112222"}, "a"},
		"party, extension":     {Search{Party: "2001"}, "c a"},
		"name":                 {Search{Name: "山田"}, "a"},
		"name, no blank":       {Search{Name: "山田太郎"}, "a"},
		"name, other order":    {Search{Name: "太郎 山田"}, "a"},
		"name, kana":           {Search{Name: "やまだ"}, "b"},
		"name, across a mark":  {Search{Name: "だはな"}, "b"},
		"name of one letter":   {Search{Name: "森"}, "b"},
		"a letter inside":      {Search{Name: "郎"}, ""},
		"name, capitals":       {Search{Name: "SMITH"}, "c"},
		"letters out of order": {Search{Name: "田山"}, ""},
		"pairs out of order":   {Search{Name: "いかき"}, ""}, // the index alone would find it
		"only marks":           {Search{Name: "・"}, ""},
		"note":                 {Search{Note: "苦情"}, "b a"},
		"note, two words":      {Search{Note: "希望 税"}, ""},
		"note, two words too":  {Search{Note: "希望 市民"}, "a"},
		"case":                 {Search{Case: "r8-17"}, "c"},
		"part of a case":       {Search{Case: "r8"}, ""},
		"group":                {Search{Group: "7001"}, "c a"},
		"label":                {Search{Label: recorder.Public}, "b"},
		"no label is highest":  {Search{Label: recorder.Restricted}, "c"},
		"state":                {Search{State: recorder.Stored}, "b"},
		"time":                 {Search{From: began.Add(time.Hour), To: began.Add(2 * time.Hour)}, "b"},
		"from itself":          {Search{From: began, To: began}, ""},
		"page":                 {Search{Limit: 2}, "c b ..."},
		"state, and a party":   {Search{State: recorder.Stored, Party: "2002"}, "b"},
		"not that state":       {Search{State: recorder.Stored, Party: "2001"}, ""},
		"several":              {Search{Party: "2001", Group: "6000", Note: "税", Name: "山"}, ""},
		"several too":          {Search{Party: "2001", Group: "6000", Note: "市", Name: "山"}, "a"},
		"another domain":       {Search{Domain: "b.example"}, ""},
		"scope of a number":    {Search{Scope: recorder.Scope{Numbers: []string{"0312345678"}}}, "b a"},
		"scope of a group":     {Search{Scope: recorder.Scope{Groups: []string{"7001"}}, Party: "2001"}, "c a"},
		"both":                 {Search{Scope: recorder.Scope{Groups: []string{"6000"}, Numbers: []string{"0312345678"}}}, "b a"},
		"scope of labels":      {Search{Scope: recorder.Scope{All: true, Labels: []recorder.Label{recorder.Public, recorder.Internal}}}, "b a"},
		"label out of scope":   {Search{Scope: recorder.Scope{All: true, Labels: []recorder.Label{recorder.Public}}, Label: recorder.Internal}, ""},
		"scope of nothing":     {Search{Scope: recorder.Scope{Labels: []recorder.Label{recorder.Public}}}, ""},
		"hostile":              {Search{Name: `山" OR * (`, Party: "2001) OR (a"}, ""},
		"NUL":                  {Search{Name: "山\x00"}, ""},
	} {
		if !x.s.Scope.All && x.s.Scope.Numbers == nil && x.s.Scope.Groups == nil && x.s.Scope.Labels == nil {
			x.s.Scope = everything
		}
		if got := ids(t, c, x.s); got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}

// A search that nobody thought of finds what a plain look at every row finds, page by page, in the order of time.
func TestSearchAgainstRows(t *testing.T) {
	c, rnd := openSearch(t), rand.New(rand.NewPCG(6, 7))
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	var all []recorder.Manifest
	for i := range 300 {
		k := recorder.Case{ID: fmt.Sprintf("r%03d", i), Domain: pick("a.example", "a.example", "b.example"), DID: pick("0311111111", "0322222222", "0333333333"),
			Label:   recorder.Label(pick("", string(recorder.Internal), string(recorder.Public))),
			Started: began.Add(time.Duration(rnd.IntN(100)) * time.Second), // some at the same moment, in no order
			Parties: []recorder.Party{{Number: pick("0901", "0902", "0903"), Name: pick("山田", "田山", "森", "")}, {Number: pick("2001", "2002")}}}
		if rnd.IntN(2) == 0 {
			k.Groups = []string{pick("6000", "7001")}
		}
		all = append(all, manifest(k))
	}
	if err := c.StoredAll(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	found := 0
	for range 200 {
		s := Search{Domain: "a.example", Limit: 1 + rnd.IntN(20), Scope: everything}
		if rnd.IntN(2) == 0 {
			s.Scope = recorder.Scope{Numbers: []string{pick("0311111111", "0322222222")}, Groups: []string{pick("6000", "7001", "9999")}}
		}
		if rnd.IntN(3) == 0 {
			s.Scope.Labels = []recorder.Label{recorder.Label(pick(string(recorder.Restricted), string(recorder.Public)))}
		}
		for _, f := range []struct {
			to   *string
			list []string
		}{{&s.Party, []string{"0901", "2001"}}, {&s.Name, []string{"山田", "山", "田"}}, {&s.Group, []string{"6000", "7001"}}, {&s.Number, []string{"0311111111"}}} {
			if rnd.IntN(3) == 0 {
				*f.to = pick(f.list...)
			}
		}
		if rnd.IntN(3) == 0 {
			s.From, s.To = began.Add(20*time.Second), began.Add(70*time.Second)
		}
		want, got := plainly(s, all), walk(t, c, s)
		if !slices.Equal(want, sorted(got)) {
			t.Fatalf("%+v:\nfound %v\nwant  %v", s, sorted(got), want)
		}
		found += len(want)
	}
	if found < 1000 {
		t.Errorf("only %d rows were found in all: the test shows little", found)
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// walk goes through all pages, and holds the order.
func walk(t *testing.T, c *Catalogue, s Search) (out []string) {
	last := time.Time{}
	for {
		rows, next, err := c.Search(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if !last.IsZero() && r.Started.After(last) {
				t.Fatalf("%s is out of order", r.ID)
			}
			out, last = append(out, r.ID), r.Started
		}
		if s.After = next; next == 0 {
			return out
		}
		if len(rows) != s.Limit {
			t.Fatalf("a page of %d, and more behind it", len(rows))
		}
	}
}

// plainly is the search without an index.
func plainly(s Search, all []recorder.Manifest) (out []string) {
	w := testWords()
	for _, m := range all {
		r := fromManifest(m)
		names := []string{m.Parties[0].Name, m.Parties[1].Name}
		switch {
		case r.Domain != s.Domain, !s.Scope.Covers(r.Item()), s.Number != "" && r.Number != s.Number, s.Group != "" && !slices.Contains(r.Groups, s.Group),
			s.Party != "" && m.Parties[0].Number != s.Party && m.Parties[1].Number != s.Party, s.Name != "" && !w.holds(s.Name, names...),
			!s.From.IsZero() && r.Started.Before(s.From), !s.To.IsZero() && !r.Started.Before(s.To):
			continue
		}
		out = append(out, r.ID)
	}
	return sorted(out)
}

// The question names terms of the asker's own units only: what others have is not looked at.
func TestSearchAsksForOwnUnitsOnly(t *testing.T) {
	s := Search{Domain: "a.example", Party: "0901", Scope: recorder.Scope{Numbers: []string{"100"}, Labels: []recorder.Label{recorder.Public}}}
	w := testWords()
	own := unit{"a.example", recorder.Public, unitNumber, "100"}
	if got, want := w.match(s), "("+own.term(termParty, "0901")+")"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s.Scope.Labels = nil
	if n := len(strings.Split(w.match(s), " OR ")); n != 3 {
		t.Errorf("%d units for three labels", n)
	}
	s.Scope.Numbers, s.Number = []string{"100", "200", "300"}, "200"
	if n := len(strings.Split(w.match(s), " OR ")); n != 3 {
		t.Errorf("%d units for a number of three, of three labels", n)
	}
	if s.Number = "400"; w.match(s) != "" {
		t.Error("a number out of the scope is asked for")
	}
	terms := map[string]bool{}
	for _, u := range []unit{{"a", "x", "k", "n"}, {"ax", "", "k", "n"}, {"a", "x", "kn", ""}, {"a", "x", "k", "n1"}} {
		terms[u.term("k", "v")] = true
	}
	if len(terms) != 4 {
		t.Error("two units have one term")
	}
}

// What a file of before had is found after it was opened; what is forgotten leaves nothing in the index; what is failed or changed is found as it is.
func TestIndexFollows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	c := open4test(t, path)
	for i := range 3 {
		if err := c.Begin(t.Context(), someCase(fmt.Sprint(i), began.Add(time.Duration(i)*time.Minute))); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []string{"DELETE FROM recording_terms", "UPDATE recordings SET place = 0"} { // as it was before
		if _, err := c.write.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if got := ids(t, c, Search{Scope: everything}); got != "" {
		t.Fatalf("not undone: %s", got)
	}
	c.Close()
	c = open4test(t, path)
	if got := ids(t, c, Search{Scope: everything, Number: "0312345678"}); got != "2 1 0" {
		t.Errorf("of before: %q", got)
	}
	if err := c.Fail(t.Context(), recorder.Case{ID: "1"}, "disk"); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, c, Search{Scope: everything, State: recorder.Failed}) + "|" + ids(t, c, Search{Scope: everything, State: recorder.Capturing}); got != "1|2 0" {
		t.Errorf("failed: %q", got)
	}
	if err := errors.Join(c.Remove(t.Context(), "a.example", "2")); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, c, Search{Scope: everything}); got != "1 0" {
		t.Errorf("removed: %q", got)
	}
	for _, id := range []string{"0", "1", "2"} {
		if err := c.Forget(t.Context(), "a.example", id); err != nil {
			t.Fatal(err)
		}
	}
	var n sql.NullInt64
	if err := c.read.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM recording_terms").Scan(&n); err != nil || n.Int64 != 0 {
		t.Errorf("%d left in the index: %v", n.Int64, err)
	}
}

// Notes and cases belong to their recording, are bounded, and go with it.
func TestRemarks(t *testing.T) {
	c := openSearch(t)
	if err := c.Begin(t.Context(), someCase("1", began)); err != nil {
		t.Fatal(err)
	}
	one, err := c.AddNote(t.Context(), "a.example", "1", "taro", "折り返し\n済み")
	if err != nil || one.Text != "折り返し\n済み" || one.ID == 0 {
		t.Fatal(one, err)
	}
	for name, err := range map[string]error{
		"note of another domain": func() error { _, err := c.AddNote(t.Context(), "b.example", "1", "x", "y"); return err }(),
		"case of none":           c.SetCase(t.Context(), "a.example", "2", "x", "y"),
		"drop of none":           c.DropNote(t.Context(), "a.example", "1", one.ID+1),
		"drop of a case of none": c.DropCase(t.Context(), "a.example", "1", "y"),
		"NUL":                    c.DropCase(t.Context(), "a.example", "1", "y\x00"),
	} {
		if !errors.Is(err, recorder.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := 1; i < MaxNotes; i++ {
		if _, err := c.AddNote(t.Context(), "a.example", "1", "taro", "x"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.AddNote(t.Context(), "a.example", "1", "taro", "x"); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	for _, n := range []string{"K-1", "K-1", "K-2"} {
		if err := c.SetCase(t.Context(), "a.example", "1", "taro", n); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.DropNote(t.Context(), "a.example", "1", one.ID); err != nil {
		t.Fatal(err)
	}
	row, err := c.Get(t.Context(), "a.example", "1")
	said := []recorder.CaseNumber{{Name: "K-1", Author: "taro", Entered: c.now().UTC()}, {Name: "K-2", Author: "taro", Entered: c.now().UTC()}}
	if err != nil || !slices.Equal(row.Cases, said) || ids(t, c, Search{Scope: everything, Case: "k-2"}) != "1" || ids(t, c, Search{Scope: everything, Note: "折り返し"}) != "" {
		t.Errorf("%+v %v", row.Cases, err)
	}
	if err := c.Forget(t.Context(), "a.example", "1"); err != nil {
		t.Fatal(err)
	}
	if err := c.Begin(t.Context(), someCase("1", began)); err != nil {
		t.Fatal(err)
	}
	if notes, err := c.Notes(t.Context(), "a.example", "1"); err != nil || len(notes) != 0 {
		t.Errorf("the next one with its id has %d notes: %v", len(notes), err)
	}
}
