package catalogue

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"naisen/recorder"
)

// Changes by people are counted until an object beside the recording has them, each by its own word; what changes nothing is no change. What an object says
// is recalled where nothing newer would be lost by it.
func TestDecided(t *testing.T) {
	c := openSearch(t)
	ctx := t.Context()
	k := recorder.Case{ID: "r1", Domain: "a.example", Started: began, Label: recorder.Internal}
	if err := errors.Join(c.Stored(ctx, recorder.Manifest{Case: k, Epoch: 1}), c.Begin(ctx, recorder.Case{ID: "live", Domain: "a.example", Started: began})); err != nil {
		t.Fatal(err)
	}
	note, err := c.AddNote(ctx, "a.example", "r1", "taro", "x")
	err = errors.Join(err, c.SetCase(ctx, "a.example", "r1", "taro", "K-1"), c.SetCase(ctx, "a.example", "r1", "taro", "K-1"), c.SetCase(ctx, "a.example", "live", "taro", "K-2"))
	if err != nil {
		t.Fatal(err)
	}
	unwritten := func(want string) {
		t.Helper()
		rows, err := c.Unwritten(ctx, "")
		got := ""
		for _, r := range rows {
			got += fmt.Sprintf("%s:%d/%d ", r.ID, r.Remarks, r.RemarksDue)
		}
		if err != nil || got != want {
			t.Errorf("unwritten %q %v, want %q", got, err, want)
		}
	}
	unwritten("r1:0/2 ") // what still runs has no object yet
	row, said, err := c.Decided(ctx, "a.example", "r1")
	if err != nil || said.Label != recorder.Internal || len(said.Notes) != 1 || len(said.Cases) != 1 {
		t.Fatalf("%+v %v", said, err)
	}
	if err := errors.Join(c.DropNote(ctx, "a.example", "r1", note.ID), c.Remarked(ctx, row, 1, 1)); err != nil {
		t.Fatal(err)
	}
	unwritten("r1:1/1 ")
	if err := c.Recall(ctx, "a.example", "r1", 2, 1, said); !errors.Is(err, ErrChanged) {
		t.Errorf("what people said since would be lost: %v", err)
	}
	row, _, err = c.Decided(ctx, "a.example", "r1")
	if err = errors.Join(err, c.Remarked(ctx, row, 2, 1)); err != nil {
		t.Fatal(err)
	}
	unwritten("")
	if err := c.Recall(ctx, "a.example", "r1", 2, 1, said); !errors.Is(err, ErrChanged) {
		t.Errorf("one that it knows: %v", err)
	}
	said.Label = recorder.Public
	if err := c.Recall(ctx, "a.example", "r1", 3, 1, said); err != nil {
		t.Error(err)
	}
	row, again, err := c.Decided(ctx, "a.example", "r1")
	if err != nil || row.Label != recorder.Public || row.Remarks != 3 || len(again.Notes) != 1 || again.Notes[0].Text != "x" || !again.Notes[0].Written.Equal(said.Notes[0].Written) {
		t.Errorf("%+v %+v %v", row, again, err)
	}
	found, _, err := c.Search(ctx, Search{Domain: "a.example", Scope: everything, Case: "K-1", From: began, To: began.Add(time.Hour)})
	if err != nil || len(found) != 1 {
		t.Errorf("found by its case: %d, %v", len(found), err)
	}
	if err := c.Rewrapped(ctx, "a.example", "r1", 2); err != nil {
		t.Fatal(err)
	}
	unwritten("r1:3/0 ") // the recording has another key than what lies beside it
	if counts, err := c.Epochs(ctx); err != nil || counts["a.example"][1] != 1 || counts["a.example"][2] != 1 {
		t.Errorf("%v %v", counts, err)
	}
	if err := c.Remove(ctx, "a.example", "r1"); err != nil {
		t.Fatal(err)
	}
	unwritten("")
	_, _, err = c.Decided(ctx, "a.example", "r1")
	if missing := c.Recall(ctx, "a.example", "r1", 4, 1, said); !errors.Is(err, recorder.ErrNotFound) || !errors.Is(missing, recorder.ErrNotFound) {
		t.Errorf("of what is being destroyed: %v %v", err, missing)
	}
	if counts, err := c.Epochs(ctx); err != nil || len(counts) != 0 {
		t.Errorf("%v %v", counts, err)
	}
}

// Their names are read as they are made, and nothing else is.
func TestRemarksName(t *testing.T) {
	const object = "a.example/2026/04/01/r1.age"
	if got := RemarksName(object, 12); got != "a.example/2026/04/01/r1.remarks-0012.age" || RemarksNumber(got) != 12 || ObjectOf(got) != object || !IsBeside(got) {
		t.Error(got)
	}
	for _, name := range []string{object, ManifestName(object), TrackName(object, 1), WrapName(object, 1), "a/r1.remarks-0000.age", "a/r1.remarks-12.age", "a/r1.remarks-00012.age", "a/r1.remarks--001.age", "a/r1.remarks-0001.json"} {
		if RemarksNumber(name) != 0 {
			t.Error(name)
		}
	}
}
