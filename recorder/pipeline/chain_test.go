package pipeline

import (
	"fmt"
	"testing"
	"time"

	"naisen/recorder"
)

// TestKept: of all rules that a recording was under, the longest holds, for its manifest, its row and its lock. Without end (0) is longest.
func TestKept(t *testing.T) {
	r := openRig(t, t.TempDir(), nil, nil)
	began := time.Now()
	cases := []struct {
		first int
		then  []int
		want  int
	}{{30, nil, 30}, {30, []int{365, 3650, 90}, 3650}, {3650, []int{30}, 3650}, {30, []int{0, 90}, 0}, {0, []int{30}, 0}, {30, []int{-1}, 0}}
	for i, c := range cases {
		k := someCase(fmt.Sprintf("r%d", i), began)
		k.RetentionDays = c.first
		rec, err := r.Start(k)
		if err != nil {
			t.Fatal(err)
		}
		for range maxNews { // however much else the journal has of who came and went
			rec.(interface{ Linked(recorder.Link) }).Linked(recorder.Link{Call: "c0", How: recorder.Follows})
		}
		for _, days := range c.then {
			rec.(keeper).Kept(days, recorder.Public)
		}
		rec.Stop(began.Add(2*time.Second), "bye")
	}
	r.settle(t)
	for i, c := range cases {
		_, m := r.open(t, fmt.Sprintf("r%d", i))
		row := r.row(t, m.ID)
		lock, err := r.store.Locked(t.Context(), row.Object)
		if err != nil {
			t.Fatal(err)
		}
		due := m.RetainUntil()
		if m.RetentionDays != c.want || !row.RetainUntil.Equal(due) || lock.Until.Sub(due).Abs() > time.Second {
			t.Errorf("%d and then %v: %d days, the row until %v, the lock until %v, want %d days", c.first, c.then, m.RetentionDays, row.RetainUntil, lock.Until, c.want)
		}
	}
}

// maxNews is more than a journal takes of other calls.
const maxNews = 600

// TestLabelOfACase: of all labels that a recording was under, the highest holds, for its manifest and its row; one without has the highest.
func TestLabelOfACase(t *testing.T) {
	r := openRig(t, t.TempDir(), nil, nil)
	began := time.Now()
	cases := []struct {
		first recorder.Label
		then  []recorder.Label
		want  recorder.Label
	}{{"", nil, recorder.Restricted}, {"made up", nil, recorder.Restricted}, {recorder.Public, nil, recorder.Public},
		{recorder.Public, []recorder.Label{recorder.Internal, recorder.Public}, recorder.Internal}, {recorder.Internal, []recorder.Label{recorder.Restricted}, recorder.Restricted}}
	for i, c := range cases {
		k := someCase(fmt.Sprintf("r%d", i), began)
		k.Label, k.RetentionDays = c.first, 30
		rec, err := r.Start(k)
		if err != nil {
			t.Fatal(err)
		}
		for _, label := range c.then {
			rec.(keeper).Kept(30, label)
		}
		rec.Stop(began.Add(2*time.Second), "bye")
	}
	r.settle(t)
	for i, c := range cases {
		_, m := r.open(t, fmt.Sprintf("r%d", i))
		if row := r.row(t, m.ID); m.Label != c.want || row.Label != c.want || m.RetentionDays != 30 {
			t.Errorf("%q and then %q: %q in the manifest, %q in the row, %d days, want %q", c.first, c.then, m.Label, row.Label, m.RetentionDays, c.want)
		}
	}
}

// TestChain: the manifest tells who was in the call when, who came back, who else was told of the recording, and which calls belong to it.
func TestChain(t *testing.T) {
	r := openRig(t, t.TempDir(), nil, nil)
	began := time.Now()
	rec, err := r.Start(someCase("r1", began)) // parties A and B
	if err != nil {
		t.Fatal(err)
	}
	w, ok := rec.(interface {
		Left(endpoint string)
		Informed(recorder.Notice)
		Linked(recorder.Link)
	})
	if !ok {
		t.Fatal("a recording that keeps no chain")
	}
	b := someCase("r1", began).Parties[1]
	rec.Party(b) // no news
	w.Left(b.Endpoint)
	w.Left("nobody")
	c := recorder.Party{Endpoint: "C", Role: "called", Number: "2003", Name: "Carol"}
	rec.Party(c)
	w.Informed(recorder.Notice{Prompt: "notice/recording", Complete: true, Party: "0312345678"})
	w.Linked(recorder.Link{Call: "c0", How: recorder.MergedFrom})
	w.Left(c.Endpoint)
	rec.Party(b)
	w.Linked(recorder.Link{Call: "c9", How: recorder.MergedInto})
	rec.Stop(began.Add(2*time.Second), "bye")
	r.settle(t)
	_, m := r.open(t, "r1")
	var who []string
	for _, s := range m.Segments {
		if s.FromMS > s.ToMS || s.ToMS > m.DurationMS {
			t.Errorf("segment %+v of %d ms", s, m.DurationMS)
		}
		who = append(who, s.Number)
	}
	a := someCase("r1", began).Parties[0]
	if got, want := fmt.Sprint(who), fmt.Sprint([]string{a.Number, b.Number, c.Number, b.Number}); got != want {
		t.Errorf("segments of %s, want %s", got, want)
	}
	if first, last := m.Segments[0], m.Segments[3]; first.ToMS != m.DurationMS || last.ToMS != m.DurationMS || m.Segments[1].ToMS == m.DurationMS {
		t.Errorf("segments %+v", m.Segments)
	}
	if len(m.Parties) != 3 {
		t.Errorf("who comes back is told twice: %+v", m.Parties)
	}
	if len(m.Notices) != 1 || m.Notices[0].Party != "0312345678" || !m.Notices[0].Complete {
		t.Errorf("notices %+v", m.Notices)
	}
	if len(m.Links) != 2 || m.Links[0].Call != "c0" || m.Links[0].How != recorder.MergedFrom || m.Links[1].Call != "c9" || m.Links[1].How != recorder.MergedInto {
		t.Errorf("links %+v", m.Links)
	}
}
