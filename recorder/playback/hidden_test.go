package playback

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"naisen/recorder"
)

// hiddenCase is a recording of number and label.
func hiddenCase(id, number string, label recorder.Label, at time.Time) recorder.Case {
	return recorder.Case{ID: id, Domain: "a.example", DID: number, Label: label, Started: at, Groups: []string{"6000"},
		Parties: []recorder.Party{{Role: "caller", Number: "0901111222", Name: "山田"}, {Role: "called", Number: number}}}
}

// What somebody may not know of changes not one byte of any answer, on any page: beside the same recordings lie hidden ones of another number and of a
// higher label, before, between and behind them, with the same parties, names, notes and cases.
func TestHiddenRowsLeaveNoTrace(t *testing.T) {
	plain, mixed := newHouse(t), newHouse(t)
	for i := range 12 {
		at := began.Add(time.Duration(i) * time.Minute)
		for _, h := range []*house{plain, mixed} {
			if err := h.cat.Begin(t.Context(), hiddenCase(fmt.Sprintf("r%02d", i), "100", recorder.Internal, at)); err != nil {
				t.Fatal(err)
			}
			if _, err := h.cat.AddNote(t.Context(), "a.example", fmt.Sprintf("r%02d", i), "taro", "苦情の電話"); err != nil {
				t.Fatal(err)
			}
		}
		for j, k := range []recorder.Case{hiddenCase(fmt.Sprintf("x%02d", i), "200", recorder.Internal, at.Add(-time.Second)),
			hiddenCase(fmt.Sprintf("y%02d", i), "100", recorder.Restricted, at), hiddenCase(fmt.Sprintf("z%02d", i), "200", recorder.Public, at.Add(time.Hour))} {
			if err := mixed.cat.Begin(t.Context(), k); err != nil {
				t.Fatal(err)
			}
			if _, err := mixed.cat.AddNote(t.Context(), "a.example", k.ID, "taro", "苦情の電話"); err != nil {
				t.Fatal(err)
			}
			if err := mixed.cat.SetCase(t.Context(), "a.example", k.ID, "taro", fmt.Sprintf("K-%d", j)); err != nil {
				t.Fatal(err)
			}
		}
	}
	const token = "list:100,list:<internal,list:<public"
	for _, query := range []string{"", "number=100", "number=200", "party=0901111222", "name=山田", "name=山", "note=苦情", "note=苦情の電話", "case=K-0", "group=6000",
		"label=restricted", "label=internal", "label=public", "state=recording", "from=2026-04-01T09:03:00Z&to=2026-04-01T09:20:00Z"} {
		a, b := pages(t, plain, token, query), pages(t, mixed, token, query)
		if a != b {
			t.Errorf("%q: with hidden recordings\n%s\nwithout\n%s", query, b, a)
		}
	}
	if all := pages(t, mixed, "list:*", "note=苦情の電話"); len(all) < 3*len(pages(t, plain, "list:*", "note=苦情の電話")) {
		t.Error("the hidden recordings are not there for those who may know of them")
	}
	for _, path := range []string{"/y00", "/y00/audio", "/y00/peaks", "/x00"} {
		hidden, missing := mixed.ask("GET", base+path, "list:999,listen:999"), plain.ask("GET", base+path, "list:999,listen:999")
		if hidden.Code != 404 || hidden.Body.String() != missing.Body.String() || fmt.Sprint(hidden.Header()) != fmt.Sprint(missing.Header()) {
			t.Errorf("%s: %d %s, where there is none %d %s", path, hidden.Code, hidden.Body, missing.Code, missing.Body)
		}
	}
}

// pages is everything that a walk over all pages answers, but for the cursors, which are random: only that there is one, and how long.
func pages(t *testing.T, h *house, token, query string) string {
	t.Helper()
	out, cursor := "", ""
	for range 100 {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		q.Set("limit", "5")
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		w := h.ask("GET", base+"?"+q.Encode(), token)
		var p struct {
			Recordings []json.RawMessage `json:"recordings"`
			Next       string            `json:"next"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
		out += fmt.Sprintf("%d %d %d\n", w.Code, w.Body.Len(), len(p.Next))
		for _, r := range p.Recordings {
			out += string(r) + "\n"
		}
		if cursor = p.Next; cursor == "" {
			return out
		}
	}
	t.Fatal("no end")
	return ""
}
