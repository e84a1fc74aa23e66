package route

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

func TestHunt(t *testing.T) {
	call := Request{Extension: "2001", Dialled: "6000"}
	did := Request{Trunk: "carrier", Number: "+81901111", Dialled: "+81312345673"}
	with := func(r Request, m moment) Request { r.Live = m; return r }
	three := []string{"2010", "2011", "2012"}
	for _, c := range []struct {
		name  string
		group provisioning.Group
		set   map[string]provisioning.Settings
		req   Request
		want  string
	}{
		{"together", provisioning.Group{Members: three}, nil, call, "2010 + 2011 + 2012 20s"},
		{"one after the other", provisioning.Group{Strategy: "sequential", Members: three, RingSeconds: 9}, nil, call, "2010, 2011, 2012 9s"},
		{"in a circle", provisioning.Group{Strategy: "circular", Members: three}, nil, with(call, moment{turn: 4}), "2011, 2012, 2010 20s"},
		{"longest idle", provisioning.Group{Strategy: "longest-idle", Members: three}, nil, with(call, moment{since: map[string]int64{"2010": 30, "2011": 20}}), "2012, 2011, 2010 20s"},
		{"who talks is passed over", provisioning.Group{Members: three}, nil, with(call, moment{busy: []string{"2011"}}), "2010 + 2012 20s"},
		{"unless the group says so", provisioning.Group{Members: three, RingBusy: true}, nil, with(call, moment{busy: []string{"2011"}}), "2010 + 2011 + 2012 20s"},
		{"nor who wants no second call", provisioning.Group{Members: three, RingBusy: true}, map[string]provisioning.Settings{"2011": {NoCallWaiting: true}},
			with(call, moment{busy: []string{"2011"}}), "2010 + 2012 20s"},
		{"who is away or not to be disturbed is passed over", provisioning.Group{Members: three}, map[string]provisioning.Settings{"2010": {DoNotDisturb: true}},
			with(call, moment{away: []string{"2012"}}), "2011 20s"},
		{"the caller does not ring himself", provisioning.Group{Members: []string{"2001", "2010"}}, nil, call, "2010 20s"},
		{"everybody talks", provisioning.Group{Members: three}, nil, with(call, moment{busy: three}), "486"},
		{"nobody is there", provisioning.Group{Members: three}, nil, with(call, moment{away: three}), "480"},
		{"everybody talks and somebody else is there", provisioning.Group{Members: three, Overflow: ext("2013")}, nil, with(call, moment{busy: three}), "2013 60s via 6000 follow-me"},
		{"overflow waits for the last step", provisioning.Group{Strategy: "sequential", Members: three, Overflow: ext("2013")}, nil, call, "2010, 2011, 2012 20s 7→2013"},
		{"overflow to the outside, paid by who answers for it", provisioning.Group{Members: three, Overflow: out("0355556666"), Payer: "2014"}, nil, with(did, moment{busy: three}),
			"0355556666@carrier as +81312340014 180s via 6000 follow-me paid by 2014 diverted by +81312340014"},
		{"overflow to the outside that nobody answers for", provisioning.Group{Members: three, Overflow: out("0355556666")}, nil, with(did, moment{busy: three}), "403"},
		{"a DID reaches the group", provisioning.Group{Members: three}, nil, did, "2010 + 2011 + 2012 20s"},
		{"somebody forwards to the group", provisioning.Group{Members: three}, map[string]provisioning.Settings{"2015": fwd(provisioning.Forwarding{Always: &provisioning.Destination{Group: "6000"}})},
			Request{Extension: "2001", Dialled: "2015"}, "2010 + 2011 + 2012 20s via 2015 unconditional"},
		{"a member's forward is not the group's", provisioning.Group{Members: three}, map[string]provisioning.Settings{"2010": fwd(provisioning.Forwarding{Busy: ext("2013"), NoAnswer: ext("2013")})}, call, "2010 + 2011 + 2012 20s"},
		{"round", provisioning.Group{Members: []string{"2010"}, Overflow: ext("2011")}, map[string]provisioning.Settings{"2010": {DoNotDisturb: true}, "2011": fwd(provisioning.Forwarding{Always: &provisioning.Destination{Group: "6000"}})}, call, "480"},
		{"after an emergency call everybody rings", provisioning.Group{Members: three}, map[string]provisioning.Settings{"2011": {DoNotDisturb: true}},
			func() Request { r := with(did, moment{busy: three}); r.CallBack = "2015"; return r }(), "2015 + 2010 + 2011 + 2012 180s"},
	} {
		d := office(c.set)
		c.group.Number = "6000"
		d.groups = map[string]provisioning.Group{"d|6000": c.group}
		d.dids["d|+81312345673"] = provisioning.DID{Number: "+81312345673", Group: "6000", Policy: "citizens"}
		c.req.Domain = "d"
		p := Route(d, c.req, time.Time{})
		if got := desk(p); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s\n(%s)", c.name, got, c.want, p.Why)
		}
		if c.req.Trunk != "" && c.req.CallBack == "" && p.Refuse.Status == 0 && p.Record.Number != "+81312345673" {
			t.Errorf("%s: recorded as %+v", c.name, p.Record)
		}
		for _, s := range p.Steps {
			for _, target := range s.Targets {
				if p.Group == "6000" && target.Kind == ToExtension && !c.group.RingBusy && !target.Idle && !strings.Contains(c.want, "via") {
					t.Errorf("%s: %s may ring while it talks", c.name, target.Number)
				}
			}
		}
	}
}

func TestClosed(t *testing.T) {
	noon := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC) // a holiday in Japan
	night := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	day := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	office9 := provisioning.Calendar{Name: "c", Holidays: true, Hours: []provisioning.Hours{{Days: []string{"tue"}, From: "08:30", To: "17:15"}}}
	say := &provisioning.Turn{Announce: "closed"}
	guard := &provisioning.Turn{To: ext("2013")}
	both := &provisioning.Turn{Announce: "closed", To: ext("2013")}
	did := Request{Domain: "d", Trunk: "carrier", Number: "+81901111", Dialled: "+81312345673"}
	for _, c := range []struct {
		name    string
		closing *provisioning.Closing
		now     time.Time
		req     Request
		want    string
	}{
		{"open", &provisioning.Closing{Calendar: "c", Night: say}, day, did, "2010 20s"},
		{"at night", &provisioning.Closing{Calendar: "c", Night: say}, night, did, "say closed 480"},
		{"a holiday as the night", &provisioning.Closing{Calendar: "c", Night: say}, noon, did, "say closed 480"},
		{"a holiday of its own", &provisioning.Closing{Calendar: "c", Night: say, Holiday: guard}, noon, did, "2013 60s via 6000 time-of-day"},
		{"nothing for the night", &provisioning.Closing{Calendar: "c", Holiday: guard}, night, did, "2010 20s"},
		{"the guard", &provisioning.Closing{Calendar: "c", Night: guard}, night, did, "2013 60s via 6000 time-of-day"},
		{"the guard, after a word", &provisioning.Closing{Calendar: "c", Night: both}, night, did, "say closed then 2013 via 6000 time-of-day"},
		{"from inside too", &provisioning.Closing{Calendar: "c", Night: guard}, night, Request{Domain: "d", Extension: "2001", Dialled: "6000"}, "2013 60s via 6000 time-of-day"},
		{"somebody calls back after an emergency call", &provisioning.Closing{Calendar: "c", Night: say}, night,
			Request{Domain: "d", Trunk: "carrier", Dialled: "+81312345673", CallBack: "2015"}, "2015 + 2010 180s"},
	} {
		d := office(nil)
		d.calendars = map[string]provisioning.Calendar{"d|c": office9}
		d.groups = map[string]provisioning.Group{"d|6000": {Number: "6000", Members: []string{"2010"}, Closing: c.closing}}
		d.dids["d|+81312345673"] = provisioning.DID{Number: "+81312345673", Group: "6000", Policy: "citizens"}
		p := Route(d, c.req, c.now)
		got := ""
		if len(p.Steps) > 0 && p.Steps[0].Run.Verb == VerbAnnounce {
			got = "say " + p.Steps[0].Run.Name
			if p.Steps[0].Run.Data[ThenNext] != "" {
				p.Steps = p.Steps[1:]
				got += " then " + strings.Replace(desk(p), " 60s", "", 1)
			} else {
				got += fmt.Sprint(" ", p.Steps[0].Run.Cause.Status)
			}
		} else {
			got = desk(p)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s (%s)", c.name, got, c.want, p.Why)
		}
		if strings.HasPrefix(c.want, "say closed 480") && p.Record.On {
			t.Errorf("%s: an announcement is recorded", c.name)
		}
		// The DID's own closing comes before the group's.
		if c.req.Trunk != "" && c.req.CallBack == "" && c.now == night {
			d.dids["d|+81312345673"] = provisioning.DID{Number: "+81312345673", Group: "6000", Closing: &provisioning.Closing{Calendar: "c", Night: &provisioning.Turn{To: ext("2014")}}}
			if got := desk(Route(d, c.req, c.now)); got != "2014 60s via +81312345673 time-of-day" {
				t.Errorf("%s: the DID's own: %s", c.name, got)
			}
		}
	}
}

// A number is closed at night whatever it leads to by day.
func TestClosedMenu(t *testing.T) {
	night := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for name, did := range map[string]provisioning.DID{"menu": {Menu: "hello"}, "queue": {Queue: "7001"}, "conference": {Conference: "8000"}} {
		did.Number, did.Closing = "+81312345673", &provisioning.Closing{Calendar: "c", Night: &provisioning.Turn{Announce: "closed"}}
		d := office(nil)
		d.calendars = map[string]provisioning.Calendar{"d|c": {Name: "c", Hours: []provisioning.Hours{{Days: []string{"tue"}, From: "08:30", To: "17:15"}}}}
		d.dids["d|+81312345673"] = did
		p := Route(d, Request{Domain: "d", Trunk: "carrier", Number: "+81901111", Dialled: "+81312345673"}, night)
		if len(p.Steps) != 1 || p.Steps[0].Run.Verb != VerbAnnounce {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
