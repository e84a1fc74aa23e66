package route

import (
	"fmt"
	"testing"
	"time"

	"naisen/provisioning"
)

// ruled is a town in which each thing that can have a policy has one of its own: a policy is named after it and says "always" by its own number of days.
func ruled() dir {
	d := town()
	d.policies = map[string]provisioning.RecordingPolicy{"d|forbids": {Name: "forbids", Record: provisioning.RecordNever}}
	for i, n := range []string{"did", "group", "queue", "makes", "out", "in", "inside", "trunk-in", "trunk-out", "trunk-inside", "all-in", "all-out", "all-inside"} {
		d.policies["d|"+n] = provisioning.RecordingPolicy{Name: n, Record: provisioning.RecordAlways, Notice: "none", Exception: unannounced(), RetentionDays: i + 1, Label: provisioning.LabelPublic}
	}
	d.extensions["d|2001"] = provisioning.Extension{Number: "2001", Record: "makes", Recording: &provisioning.Directions{Incoming: "in", Outgoing: "out", Internal: "inside"}}
	d.dids["d|+81312345678"] = provisioning.DID{Number: "+81312345678", Queue: "7001", Policy: "did"}
	d.dids["d|+81312345679"] = provisioning.DID{Number: "+81312345679", Group: "6001"}
	d.groups = map[string]provisioning.Group{"d|6001": {Number: "6001", Members: []string{"2001", "2002"}, Policy: "group"}}
	d.queues = map[string]provisioning.Queue{"d|7001": {Number: "7001", Policy: "queue"}}
	return d
}

func (d dir) trunk(t provisioning.Directions) dir {
	d.trunks = append([]provisioning.Trunk{}, d.trunks...)
	d.trunks[0].Recording = &t
	return d
}

func (d dir) all(a provisioning.Directions) dir {
	d.domains = map[string]provisioning.Domain{"d": {Name: "d", Language: "ja", Recording: &a}}
	return d
}

// TestRules: which policies a call comes under when it is planned, by DID, queue, group, extension, trunk and direction. The number of days tells
// which was the strictest, and the number whose case it is.
func TestRules(t *testing.T) {
	trunk := provisioning.Directions{Incoming: "trunk-in", Outgoing: "trunk-out", Internal: "trunk-inside"}
	all := provisioning.Directions{Incoming: "all-in", Outgoing: "all-out", Internal: "all-inside"}
	in, made := Request{Trunk: "carrier", Number: "+8190"}, Request{Extension: "2001", Number: "2001"}
	to := func(r Request, dialled string) Request { r.Dialled = dialled; return r }
	away := func(r Request) Request { r.Away = true; return r }
	for _, c := range []struct {
		name string
		dir  dir
		req  Request
		want string // number, policy, days; "" is not recorded
	}{
		{"a DID and its queue", ruled(), to(in, "+81312345678"), "+81312345678 did 3"},
		{"a DID without one, and its group", ruled(), to(in, "+81312345679"), "6001 group 2"},
		{"and the trunk by which it comes", ruled().trunk(trunk), to(in, "+81312345679"), "+81312345679 trunk-in 8"},
		{"and the direction", ruled().all(all), to(in, "+81312345679"), "+81312345679 all-in 11"},
		{"both", ruled().trunk(trunk).all(all), to(in, "+81312345678"), "+81312345678 did 11"},
		{"an extension calls inside", ruled(), to(made, "2002"), "2001 makes 7"},
		{"and the direction, inside", ruled().all(all), to(made, "2002"), "2001 makes 13"},
		{"a group that an extension calls", ruled(), to(made, "6001"), "2001 makes 7"},
		{"a queue that an extension calls", ruled(), to(made, "7001"), "2001 makes 7"},
		{"an extension calls outside", ruled(), to(made, "0312345600"), "2001 makes 5"},
		{"and the direction, outside", ruled().all(all), to(made, "0312345600"), "2001 makes 12"},
		{"one that has none calls outside", ruled().all(all), Request{Extension: "2002", Dialled: "0312345600"}, "2002 all-out 12"},
		{"one that has none calls inside", ruled(), Request{Extension: "2002", Dialled: "2001"}, ""},
		{"somebody is sent inside", ruled().all(all), away(to(made, "2002")), ""},
		{"somebody is sent to a group", ruled().all(all), away(to(made, "6001")), "6001 group 2"},
		{"somebody is sent outside", ruled().all(all), away(to(made, "0312345600")), ""},
		{"another telephone system calls", ruled().trunk(trunk).all(all), Request{Trunk: "carrier", Internal: true, Number: "3001", Dialled: "2002"}, "2002 trunk-inside 13"},
		{"help", ruled().trunk(trunk).all(all), to(made, "119"), ""},
	} {
		c.req.Domain = "d"
		p, got := Route(c.dir, c.req, time.Time{}), ""
		if p.Record.On {
			got = fmt.Sprint(p.Record.Number, " ", p.Record.Policy, " ", p.Record.Retention)
		}
		if p.Refuse.Status != 0 || got != c.want {
			t.Errorf("%s: %q, want %q (%d %s)", c.name, got, c.want, p.Refuse.Status, p.Why)
		}
	}
}

// TestNeverRules: what forbids does so wherever it stands, whatever the others say. Who calls forbids as a person, not by its plan.
func TestNeverRules(t *testing.T) {
	forbids := provisioning.Directions{Incoming: "forbids", Outgoing: "forbids", Internal: "forbids"}
	with := func(f func(dir)) dir { d := ruled(); f(d); return d }
	did, out := Request{Trunk: "carrier", Dialled: "+81312345678"}, Request{Extension: "2001", Dialled: "0312345600"}
	for _, c := range []struct {
		name  string
		dir   dir
		req   Request
		never string
	}{
		{"nobody", ruled(), did, ""},
		{"the DID", with(func(d dir) {
			d.dids["d|+81312345678"] = provisioning.DID{Number: "+81312345678", Queue: "7001", Policy: "forbids"}
		}), did, "+81312345678"},
		{"its queue", with(func(d dir) { d.queues["d|7001"] = provisioning.Queue{Number: "7001", Policy: "forbids"} }), did, "7001"},
		{"its group", with(func(d dir) {
			d.groups["d|6001"] = provisioning.Group{Number: "6001", Members: []string{"2002"}, Policy: "forbids"}
		}), Request{Trunk: "carrier", Dialled: "+81312345679"}, "6001"},
		{"the trunk", ruled().trunk(forbids), did, "+81312345678"},
		{"the direction", ruled().all(forbids), did, "+81312345678"},
		{"the direction, outside", ruled().all(forbids), out, "2001"},
		{"who calls", with(func(d dir) { d.extensions["d|2001"] = provisioning.Extension{Number: "2001", Record: "forbids"} }), out, ""},
	} {
		c.req.Domain = "d"
		if p := Route(c.dir, c.req, time.Time{}); p.Record.Never != c.never || p.Refuse.Status != 0 {
			t.Errorf("%s: %q forbids, want %q (%s)", c.name, p.Record.Never, c.never, p.Why)
		}
	}
}

// TestTaking: the policy of who takes part itself.
func TestTaking(t *testing.T) {
	d := ruled().trunk(provisioning.Directions{Incoming: "trunk-in", Outgoing: "trunk-out"})
	d.extensions["d|2002"] = provisioning.Extension{Number: "2002", Recording: &provisioning.Directions{Incoming: "forbids"}}
	d.extensions["d|2004"] = provisioning.Extension{Number: "2004", Record: "forbids"}
	for _, c := range []struct {
		who  Party
		want string
	}{
		{Party{Extension: "2001", Direction: Inbound}, "2001 in"}, {Party{Extension: "2001", Direction: Internal}, "2001 inside"},
		{Party{Extension: "2001", Direction: Outbound, Calls: true}, "2001 makes"}, {Party{Extension: "2009", Direction: Inbound}, ""},
		{Party{Extension: "2002", Direction: Inbound}, "never 2002"}, {Party{Extension: "2002", Direction: Internal}, ""},
		{Party{Extension: "2004", Direction: Internal, Calls: true}, "never 2004"}, {Party{Extension: "2004", Direction: Internal}, ""},
		{Party{Trunk: "carrier", Direction: Outbound, Number: "2001"}, "2001 trunk-out"}, {Party{Trunk: "nine", Direction: Outbound, Number: "2001"}, ""},
		{Party{}, ""},
	} {
		r, got := Taking(d, "d", c.who), ""
		switch {
		case r.On:
			got = r.Number + " " + r.Policy
		case r.Never != "":
			got = "never " + r.Never
		}
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.who, got, c.want)
		}
	}
}
