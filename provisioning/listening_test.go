package provisioning

import (
	"errors"
	"slices"
	"testing"
	"time"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// What a request lets somebody hear: by state, time, recording and label; nothing that is not said.
func TestListeningLets(t *testing.T) {
	same := func(a, b string) bool { return a == b }
	x := Heard{Recording: "r1", Number: "100", Label: "internal", Groups: []string{"7001"}, Parties: []string{"0901", "2001"},
		Cases: []HeardCase{{Name: "K-1", By: "hanako", At: noon.Add(-time.Minute)}}, Started: noon.Add(-time.Hour)}
	base := ListeningRequest{ID: "q", By: "taro", State: ListeningGranted, Asked: noon.Add(-2 * time.Minute), Decided: noon.Add(-time.Second), Until: noon.Add(time.Minute), Plays: 1, Recordings: []string{"r1"}}
	var rules ListeningRules
	for name, c := range map[string]struct {
		change func(*ListeningRequest, *ListeningRules, *Heard)
		as     HeardAs
		want   bool
	}{
		"granted": {nil, HeardAsStream, true},
		"pending": {func(q *ListeningRequest, _ *ListeningRules, _ *Heard) { q.State = ListeningPending }, HeardAsStream, false},
		"refused": {func(q *ListeningRequest, r *ListeningRules, _ *Heard) {
			q.State, r.PurposeOnly = ListeningRefused, []string{"internal"}
		}, HeardAsStream, false},
		"withdrawn": {func(q *ListeningRequest, _ *ListeningRules, _ *Heard) { q.State = ListeningWithdrawn }, HeardAsStream, false},
		"purpose alone": {func(q *ListeningRequest, r *ListeningRules, _ *Heard) {
			q.State, r.PurposeOnly = ListeningPending, []string{"internal"}
		}, HeardAsStream, true},
		"purpose alone, higher label": {func(q *ListeningRequest, r *ListeningRules, _ *Heard) {
			q.State, r.PurposeOnly = ListeningPending, []string{"public"}
		}, HeardAsStream, false},
		"over":                {func(q *ListeningRequest, _ *ListeningRules, _ *Heard) { q.Until = noon }, HeardAsStream, false},
		"another recording":   {func(_ *ListeningRequest, _ *ListeningRules, x *Heard) { x.Recording = "r2" }, HeardAsStream, false},
		"file, not asked for": {func(_ *ListeningRequest, r *ListeningRules, _ *Heard) { r.Download = []string{"internal"} }, HeardAsFile, false},
		"file, label says no": {func(q *ListeningRequest, _ *ListeningRules, _ *Heard) { q.Download = true }, HeardAsFile, false},
		"file": {func(q *ListeningRequest, r *ListeningRules, _ *Heard) {
			q.Download, r.Download = true, []string{"internal"}
		}, HeardAsFile, true},
		"file by purpose alone": {func(q *ListeningRequest, r *ListeningRules, _ *Heard) {
			q.State, q.Download, r.Download, r.PurposeOnly = ListeningPending, true, []string{"internal"}, []string{"internal"}
		}, HeardAsFile, false},
		"pack":            {func(q *ListeningRequest, _ *ListeningRules, _ *Heard) { q.Download = true }, HeardAsPack, true},
		"pack, not asked": {nil, HeardAsPack, false},
		"pack, pending": {func(q *ListeningRequest, r *ListeningRules, _ *Heard) {
			q.Download, q.State, r.PurposeOnly = true, ListeningPending, []string{"internal"}
		}, HeardAsPack, false},
		"file in need": {func(q *ListeningRequest, r *ListeningRules, _ *Heard) {
			q.BreakGlass, q.Download, r.Download = true, true, []string{"internal"}
		}, HeardAsFile, false},
		"pack in need":   {func(q *ListeningRequest, _ *ListeningRules, _ *Heard) { q.BreakGlass, q.Download = true, true }, HeardAsPack, false},
		"in need":        {func(q *ListeningRequest, _ *ListeningRules, _ *Heard) { q.BreakGlass = true }, HeardAsStream, true},
		"filter":         {filtered(RecordingFilter{Number: "100", Party: "0901", Group: "7001", Label: "internal", Case: "K-1", From: noon.Add(-time.Hour), To: noon}), HeardAsStream, true},
		"filter, number": {filtered(RecordingFilter{Number: "101"}), HeardAsStream, false},
		"filter, party":  {filtered(RecordingFilter{Party: "0902"}), HeardAsStream, false},
		"filter, group":  {filtered(RecordingFilter{Group: "7002"}), HeardAsStream, false},
		"filter, label":  {filtered(RecordingFilter{Label: "public"}), HeardAsStream, false},
		"filter, case":   {filtered(RecordingFilter{Case: "K-2"}), HeardAsStream, false},
		"case, by who asks": {func(q *ListeningRequest, _ *ListeningRules, x *Heard) {
			filtered(RecordingFilter{Case: "K-1"})(q, nil, nil)
			x.Cases = []HeardCase{{Name: "K-1", By: "taro", At: noon.Add(-time.Hour)}}
		}, HeardAsStream, false},
		"case, when it was decided": {func(q *ListeningRequest, _ *ListeningRules, x *Heard) {
			filtered(RecordingFilter{Case: "K-1"})(q, nil, nil)
			x.Cases = []HeardCase{{Name: "K-1", By: "hanako", At: q.Decided}}
		}, HeardAsStream, false},
		"case, while it waited and is heard for a purpose": {func(q *ListeningRequest, r *ListeningRules, x *Heard) {
			filtered(RecordingFilter{Case: "K-1"})(q, nil, nil)
			q.State, q.Decided, r.PurposeOnly = ListeningPending, time.Time{}, []string{"internal"}
		}, HeardAsStream, false},
		"case, before it was asked for and is heard for a purpose": {func(q *ListeningRequest, r *ListeningRules, x *Heard) {
			filtered(RecordingFilter{Case: "K-1"})(q, nil, nil)
			q.State, q.Decided, q.Asked, r.PurposeOnly = ListeningPending, time.Time{}, noon, []string{"internal"}
		}, HeardAsStream, true},
		"filter, too old":  {filtered(RecordingFilter{From: noon.Add(-time.Hour + 1)}), HeardAsStream, false},
		"filter, too late": {filtered(RecordingFilter{To: noon.Add(-time.Hour)}), HeardAsStream, false},
	} {
		q, r, x := base, rules, x
		if c.change != nil {
			c.change(&q, &r, &x)
		}
		if got := q.Lets(r, x, c.as, noon, same); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func filtered(f RecordingFilter) func(*ListeningRequest, *ListeningRules, *Heard) {
	return func(q *ListeningRequest, _ *ListeningRules, _ *Heard) { q.Recordings, q.Filter = nil, &f }
}

// A play is a recording within an hour, whatever the player asks for meanwhile; there are so many and no more.
func TestListeningPlays(t *testing.T) {
	q := ListeningRequest{Plays: 2}
	open := func(recording string, after time.Duration) (began time.Duration, ok bool) {
		next, at, ok := q.Open(recording, noon.Add(after))
		q = next
		return at.Sub(noon), ok
	}
	for _, c := range []struct {
		recording    string
		after, began time.Duration
		ok           bool
	}{{"a", 0, 0, true}, {"a", 59 * time.Minute, 0, true}, {"a", time.Hour, time.Hour, true}, {"b", time.Hour, 0, false}, {"a", 90 * time.Minute, time.Hour, true}, {"a", 2 * time.Hour, 0, false}} {
		if began, ok := open(c.recording, c.after); ok != c.ok || ok && began != c.began {
			t.Errorf("%s after %v: %v %v", c.recording, c.after, began, ok)
		}
	}
	if len(q.Opened) != 2 {
		t.Errorf("%d plays", len(q.Opened))
	}
}

// A wish that nobody answered is not answered a month later, nor after its own end.
func TestListeningDecide(t *testing.T) {
	q := ListeningRequest{By: "taro", State: ListeningPending, Asked: noon, Until: noon.Add(time.Hour)}
	if _, err := q.Decide("a.example", "hanako@a.example", true, "", noon.Add(time.Hour)); !errors.Is(err, ErrNotFound) {
		t.Errorf("after its end: %v", err)
	}
	if next, err := q.Decide("a.example", "taro@b.example", true, "", noon); err != nil || next.State != ListeningGranted {
		t.Errorf("the same name of another domain is another person: %v", err)
	}
	if _, err := q.Decide("a.example", "taro@a.example", false, "", noon); err == nil {
		t.Error("refused by who asked")
	}
}

// The keys of one person's requests stand together, the newest first.
func TestListeningID(t *testing.T) {
	ids := []string{ListeningID("a", noon, "x"), ListeningID("a", noon.Add(-time.Second), "x"), ListeningID("a", noon.Add(-365*24*time.Hour), "x"), ListeningID("b", noon, "x")}
	if !slices.IsSorted(ids) {
		t.Errorf("%q", ids)
	}
}
