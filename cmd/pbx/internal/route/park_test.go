package route

import (
	"fmt"
	"testing"
	"time"
)

func TestParkingNumbers(t *testing.T) {
	for _, c := range []struct {
		req  Request
		want string
	}{
		{Request{Dialled: "700"}, "park:700  "},
		{Request{Dialled: "703"}, "park:700 703 "},
		{Request{Dialled: "710"}, "404"}, // behind the last slot
		{Request{Dialled: "*70"}, "park:700  "},
		{Request{Dialled: "*70703"}, "park:700 703 "},
		{Request{Dialled: "*70", Held: "c1-2"}, "park:700  c1-2"},
		{Request{Dialled: "*70710"}, "404"},
		{Request{Dialled: "703", Inside: true}, "404"}, // a stranger in a menu
	} {
		c.req.Domain, c.req.Extension = "d", "2002"
		p := Route(town(), c.req, time.Now())
		got := fmt.Sprint(p.Refuse.Status)
		if len(p.Steps) > 0 {
			run := p.Steps[0].Run
			got = fmt.Sprint(run, " ", run.Data[Slot], " ", run.Data[Held])
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s (%s)", c.req.Dialled, got, c.want, p.Why)
		}
	}
	other := Route(town(), Request{Domain: "other", Extension: "9", Dialled: "*70"}, time.Now())
	if len(other.Steps) != 1 || other.Steps[0].Run.String() != "announce:feature/not-possible" {
		t.Errorf("without a lot: %+v", other)
	}
}
