package provisioning

import (
	"errors"
	"testing"
	"time"
)

func TestHotDeskEnds(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		h         HotDesking
		now, want string
	}{
		{HotDesking{}, "2026-11-30T09:00:00+09:00", "2026-11-30T21:00:00+09:00"},
		{HotDesking{Hours: 2}, "2026-11-30T09:00:00+09:00", "2026-11-30T11:00:00+09:00"},
		{HotDesking{At: "20:00"}, "2026-11-30T09:00:00+09:00", "2026-11-30T20:00:00+09:00"},
		{HotDesking{At: "20:00"}, "2026-11-30T20:00:00+09:00", "2026-12-01T08:00:00+09:00"},
		{HotDesking{At: "20:00", Hours: 48}, "2026-11-30T20:00:00+09:00", "2026-12-01T20:00:00+09:00"},
		{HotDesking{At: "00:30", Hours: 4}, "2026-11-30T14:00:00Z", "2026-11-30T15:30:00Z"},
	} {
		if got := c.h.ends(at(c.now)); !got.Equal(at(c.want)) {
			t.Errorf("%+v at %s: %s, want %s", c.h, c.now, got, c.want)
		}
	}
}

func TestHotDeskValidate(t *testing.T) {
	for field, e := range map[string]Entity{
		"hot_desk.own_number": Extension{Number: "1", HotDesk: &HotDesking{OwnNumber: "loud"}}, "hot_desk.hours": Extension{Number: "1", HotDesk: &HotDesking{Hours: 169}},
		"hot_desk.at": Extension{Number: "1", HotDesk: &HotDesking{At: "8:00"}}, "person": HotDesk{Desk: "1", Person: "1", Until: time.Unix(1, 0)}, "until": HotDesk{Desk: "1", Person: "2"},
	} {
		var bad *Invalid
		if errors.As(e.Validate(), &bad); bad == nil || bad.Field != field {
			t.Errorf("%+v: %v, want %s", e, bad, field)
		}
	}
}
