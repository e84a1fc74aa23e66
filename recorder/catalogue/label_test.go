package catalogue

import (
	"errors"
	"path/filepath"
	"testing"

	"naisen/recorder"
	"naisen/recorder/objstore"
)

// A row has a label from birth. Until it is stored only a higher one counts; then people decide, who have read the one that they change.
func TestLabel(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	k := someCase("1", began)
	label := func() recorder.Label { t.Helper(); return got(t, c, "1").Label }
	if err := c.Begin(t.Context(), k); err != nil || label() != recorder.Restricted {
		t.Fatalf("without one: %q %v", label(), err)
	}
	k = someCase("2", began)
	k.Label = recorder.Public
	if err := c.Begin(t.Context(), k); err != nil || got(t, c, "2").Label != recorder.Public {
		t.Fatalf("%q %v", got(t, c, "2").Label, err)
	}
	relabel := func(id string, from, to recorder.Label) error {
		return c.Relabel(t.Context(), "a.example", id, from, to)
	}
	if err := relabel("2", recorder.Public, recorder.Internal); err != nil {
		t.Errorf("higher while it runs: %v", err)
	}
	if err := relabel("2", recorder.Internal, recorder.Public); !errors.Is(err, ErrChanged) {
		t.Errorf("lower while it runs: %v", err)
	}
	if err := c.Captured(t.Context(), manifest(k)); err != nil || got(t, c, "2").Label != recorder.Internal { // the manifest still says public
		t.Errorf("%q %v", got(t, c, "2").Label, err)
	}
	k.Label = recorder.Restricted
	if err := c.Stored(t.Context(), manifest(k)); err != nil || got(t, c, "2").Label != recorder.Restricted { // it came under a higher rule meanwhile
		t.Errorf("%q %v", got(t, c, "2").Label, err)
	}
	if err := relabel("2", recorder.Internal, recorder.Public); !errors.Is(err, ErrChanged) {
		t.Errorf("of one that it has not: %v", err)
	}
	if err := relabel("2", recorder.Restricted, recorder.Public); err != nil {
		t.Error(err)
	}
	if err := errors.Join(c.Stored(t.Context(), manifest(k)), c.Restore(t.Context(), manifest(k), objstore.Lock{})); err != nil || got(t, c, "2").Label != recorder.Public {
		t.Errorf("a stage that reports late: %q %v", got(t, c, "2").Label, err)
	}
	for _, err := range []error{relabel("9", recorder.Public, recorder.Public), c.Relabel(t.Context(), "b.example", "2", recorder.Public, recorder.Internal)} {
		if !errors.Is(err, recorder.ErrNotFound) {
			t.Errorf("one that is not there: %v", err)
		}
	}
	lost := someCase("3", began)
	lost.Label = recorder.Public
	if err := c.Restore(t.Context(), manifest(lost), objstore.Lock{}); err != nil || got(t, c, "3").Label != recorder.Restricted {
		t.Errorf("a row that was lost: %q %v", got(t, c, "3").Label, err)
	}
}
