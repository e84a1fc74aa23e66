package provisioning

import (
	"fmt"
	"testing"
)

func TestToggled(t *testing.T) {
	mine := []string{"7001", "7002"}
	for _, c := range []struct {
		signed bool
		at     []string
		queue  string
		mine   []string
		want   string
	}{
		{false, nil, "", mine, "in []"},
		{true, nil, "", mine, "out []"},
		{true, []string{"7001"}, "", mine, "out []"},
		{false, nil, "7001", mine, "in [7001]"},
		{false, []string{"7002"}, "7001", mine, "in [7001]"}, // what it was signed in to before it went
		{true, []string{"7001"}, "7002", mine, "in []"},      // all of them
		{true, nil, "7002", mine, "in [7001]"},
		{true, []string{"7001"}, "7001", mine, "out []"},
		{false, nil, "7009", mine, "none"},
		{false, nil, "", nil, "none"},
	} {
		a, ok := Agent{SignedIn: c.signed, Queues: c.at, Paused: "lunch"}.Toggled(c.queue, c.mine)
		got := "none"
		if ok {
			got = fmt.Sprint(map[bool]string{true: "in ", false: "out "}[a.SignedIn], a.Queues)
			if a.Paused != "" {
				t.Errorf("%+v: it still pauses", c)
			}
		}
		if got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestPausing(t *testing.T) {
	reasons := Domain{Language: "en"}.PauseReasons()
	for _, c := range []struct {
		in     bool
		before string
		number string
		want   string
		ok     bool
	}{
		{true, "", "", "lunch", true}, {true, "", "3", "meeting", true}, {true, "lunch", "2", "break", true}, {true, "lunch", "", "", true},
		{true, "", "5", "", false}, {true, "", "0", "", false}, {true, "lunch", "7001", "lunch", false}, {false, "", "1", "", false},
	} {
		a, ok := Agent{SignedIn: c.in, Paused: c.before}.Pausing(c.number, reasons)
		if a.Paused != c.want || ok != c.ok {
			t.Errorf("%+v: %q %v", c, a.Paused, ok)
		}
	}
	if got := (Domain{Language: "en", Pauses: []string{"tea"}}).PauseReasons(); fmt.Sprint(got) != "[tea]" {
		t.Errorf("own reasons: %v", got)
	}
}
