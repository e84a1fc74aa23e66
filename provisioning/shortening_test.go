package provisioning

import (
	"errors"
	"testing"
	"time"
)

// A shorter class waits, a longer one does not, and a wish is one person's and another's to agree to.
func TestShortening(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	wish := &Shortening{Days: 30, By: "taro", Asked: now}
	for _, c := range []struct {
		what      string
		old, next RecordingPolicy
		days      int
		waits     int    // days of the wish; 0: none
		by        string // whose
	}{
		{"longer", RecordingPolicy{RetentionDays: 90}, RecordingPolicy{RetentionDays: 365}, 365, 0, ""},
		{"without end", RecordingPolicy{RetentionDays: 90}, RecordingPolicy{}, 0, 0, ""},
		{"the same", RecordingPolicy{RetentionDays: 90}, RecordingPolicy{RetentionDays: 90}, 90, 0, ""},
		{"shorter", RecordingPolicy{RetentionDays: 90}, RecordingPolicy{RetentionDays: 30}, 90, 30, "hanako"},
		{"an end where there was none", RecordingPolicy{}, RecordingPolicy{RetentionDays: 3650}, 0, 3650, "hanako"},
		{"made up by the client", RecordingPolicy{RetentionDays: 90}, RecordingPolicy{RetentionDays: 90, Shortening: wish}, 90, 0, ""},
		{"the wish again", RecordingPolicy{RetentionDays: 90, Shortening: wish}, RecordingPolicy{RetentionDays: 30}, 90, 30, "taro"},
		{"another wish", RecordingPolicy{RetentionDays: 90, Shortening: wish}, RecordingPolicy{RetentionDays: 20}, 90, 20, "hanako"},
		{"read and written back", RecordingPolicy{RetentionDays: 90, Shortening: wish}, RecordingPolicy{RetentionDays: 90, Shortening: wish}, 90, 30, "taro"},
		{"withdrawn", RecordingPolicy{RetentionDays: 90, Shortening: wish}, RecordingPolicy{RetentionDays: 90}, 90, 0, ""},
		{"made longer instead", RecordingPolicy{RetentionDays: 90, Shortening: wish}, RecordingPolicy{RetentionDays: 100}, 100, 0, ""},
		{"another's name on it", RecordingPolicy{RetentionDays: 90, Shortening: wish},
			RecordingPolicy{RetentionDays: 90, Shortening: &Shortening{Days: 30, By: "nobody", Asked: now}}, 90, 0, ""},
	} {
		got := c.old.Propose(c.next, "hanako", now)
		waits, by := 0, ""
		if got.Shortening != nil {
			waits, by = got.Shortening.Days, got.Shortening.By
		}
		if got.RetentionDays != c.days || waits != c.waits || by != c.by {
			t.Errorf("%s: %+v %+v", c.what, got, got.Shortening)
		}
	}
	p := RecordingPolicy{RetentionDays: 90, Shortening: wish}
	var denied *Denied
	if _, err := p.Agree("taro"); !errors.As(err, &denied) || denied.Rule != RuleTwoPeople {
		t.Errorf("an own wish: %v", err)
	}
	if got, err := p.Agree("hanako"); err != nil || got.RetentionDays != 30 || got.Shortening != nil {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := (RecordingPolicy{RetentionDays: 90}).Agree("hanako"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no wish: %v", err)
	}
}
