package route

import (
	"testing"
	"time"

	"naisen/provisioning"
)

func TestReject(t *testing.T) {
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	call := func(from, withheld string) Request {
		return Request{Domain: "d", Trunk: "carrier", Number: from, Withheld: withheld, Dialled: "+81312345671"}
	}
	for _, c := range []struct {
		name string
		r    provisioning.Rejection
		req  Request
		want bool
	}{
		{"anonymous", provisioning.Rejection{Withheld: []string{"anonymous"}}, call("", "anonymous"), true},
		{"a payphone is not anonymous", provisioning.Rejection{Withheld: []string{"anonymous"}}, call("", "payphone"), false},
		{"out of the network", provisioning.Rejection{Withheld: []string{"payphone", "unavailable"}}, call("", "unavailable"), true},
		{"who shows a number is not anonymous", provisioning.Rejection{Withheld: []string{"anonymous"}}, call("+81901111", ""), false},
		{"a number", provisioning.Rejection{Numbers: []string{"+819011112222"}}, call("+819011112222", ""), true},
		{"another", provisioning.Rejection{Numbers: []string{"+819011112222"}}, call("+8190111122223", ""), false},
		{"the beginning of one", provisioning.Rejection{Numbers: []string{"+8190*"}}, call("+819011112222", ""), true},
		{"of this number of ours", provisioning.Rejection{Numbers: []string{"+8190*"}, Called: []string{"+81312345671"}}, call("+819011112222", ""), true},
		{"of this extension", provisioning.Rejection{Numbers: []string{"+8190*"}, Called: []string{"2010"}}, call("+819011112222", ""), true},
		{"of another number of ours", provisioning.Rejection{Numbers: []string{"+8190*"}, Called: []string{"+81312345672"}}, call("+819011112222", ""), false},
		{"until then", provisioning.Rejection{Numbers: []string{"+8190*"}, Until: now.Add(time.Second)}, call("+819011112222", ""), true},
		{"it is over", provisioning.Rejection{Numbers: []string{"+8190*"}, Until: now}, call("+819011112222", ""), false},
		{"switched off", provisioning.Rejection{Numbers: []string{"+8190*"}, Disabled: true}, call("+819011112222", ""), false},
		{"help calls back without a number", provisioning.Rejection{Withheld: []string{"anonymous"}},
			func() Request { r := call("", "anonymous"); r.CallBack = "2010"; return r }(), false},
	} {
		d := office(nil)
		for _, announce := range []string{"", "call/rejected"} {
			c.r.Name, c.r.Announce = "r", announce
			d.rejections = []provisioning.Rejection{c.r}
			p := Route(d, c.req, now)
			got := p.Refuse.Status == 603
			if announce != "" {
				got = len(p.Steps) == 1 && p.Steps[0].Run.Name == announce && p.Steps[0].Run.Cause.Status == 603 && !p.Record.On
			}
			if got != c.want || !c.want && draw(p) != "2010" {
				t.Errorf("%s (%q): %+v", c.name, announce, p)
			}
		}
	}
}
