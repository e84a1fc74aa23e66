package route

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
)

// moment is Live as a test wants it.
type moment struct {
	busy, away []string
	turn       int
	since      map[string]int64
}

func (m moment) Turn(string, string) int         { return m.turn }
func (m moment) IdleSince(_, e string) time.Time { return time.Unix(m.since[e], 0) }
func (m moment) Busy(_, e string) bool           { return slices.Contains(m.busy, e) }
func (m moment) Registered(_, e string) bool     { return !slices.Contains(m.away, e) }

// desk draws a plan with what comes of its steps, and how the call came there.
func desk(p Plan) string {
	if p.Refuse.Status != 0 {
		return fmt.Sprint(p.Refuse.Status)
	}
	text := draw(p)
	for i, s := range p.Steps {
		if i == 0 {
			text += fmt.Sprint(" ", s.Ring.Seconds(), "s")
		}
		for _, f := range s.Forward {
			text += fmt.Sprintf(" %d→%s%s", f.On, f.To.Extension, f.To.Number)
		}
	}
	for _, d := range p.Way {
		text += " via " + d.By.URI.User + " " + d.Reason
	}
	if p.Charge.Extension != "" {
		text += " paid by " + p.Charge.Extension
	}
	if len(p.Steps) > 0 && p.Steps[0].Targets[0].Diverter != nil {
		text += " diverted by " + p.Steps[0].Targets[0].Diverter.Number
	}
	return text
}

func ext(n string) *provisioning.Destination              { return &provisioning.Destination{Extension: n} }
func out(n string) *provisioning.Destination              { return &provisioning.Destination{Number: n} }
func fwd(f provisioning.Forwarding) provisioning.Settings { return provisioning.Settings{Forward: f} }

// office is the town with people who are not always at their desks.
func office(s map[string]provisioning.Settings) dir {
	d := town()
	for i := range 9 {
		n := fmt.Sprint(2010 + i)
		d.extensions["d|"+n] = provisioning.Extension{Number: n, CallerID: "+8131234001" + n[3:]}
	}
	d.dids["d|+81312345671"] = provisioning.DID{Number: "+81312345671", To: []string{"2010"}, RingSeconds: 40, Policy: "citizens"}
	d.dids["d|+81312345672"] = provisioning.DID{Number: "+81312345672", To: []string{"2010", "2011", "2012"}}
	d.settings = map[string]provisioning.Settings{}
	for n, v := range s {
		v.Extension = n
		d.settings["d|"+n] = v
	}
	return d
}

func TestForwards(t *testing.T) {
	type set = map[string]provisioning.Settings
	inside := Request{Extension: "2001", Dialled: "2010"}
	outside := Request{Trunk: "carrier", Number: "+81901111", Dialled: "+81312345671"}
	with := func(r Request, m moment) Request { r.Live = m; return r }
	chain := set{}
	for i := range 8 {
		chain[fmt.Sprint(2010+i)] = fwd(provisioning.Forwarding{Always: ext(fmt.Sprint(2011 + i))})
	}
	for _, c := range []struct {
		name string
		set  set
		req  Request
		want string
	}{
		{"nothing set", nil, inside, "2010 60s"},
		{"always", set{"2010": fwd(provisioning.Forwarding{Always: ext("2011")})}, inside, "2011 60s via 2010 unconditional"},
		{"always, and the second one has its own wishes", set{"2010": fwd(provisioning.Forwarding{Always: ext("2011")}),
			"2011": fwd(provisioning.Forwarding{NoAnswer: ext("2012"), Seconds: 7})}, inside, "2011 7s 2→2012 4→2012 via 2010 unconditional"},
		{"busy, no answer, unregistered wait for what comes", set{"2010": fwd(provisioning.Forwarding{Busy: ext("2011"), NoAnswer: ext("2012"), Unregistered: ext("2013")})}, inside,
			"2010 20s 1→2011 2→2012 4→2013"},
		{"no phone is there", set{"2010": fwd(provisioning.Forwarding{NoAnswer: ext("2012"), Unregistered: ext("2013")})}, with(inside, moment{away: []string{"2010"}}), "2013 60s via 2010 unavailable"},
		{"no phone is there and nothing is said about that", set{"2010": fwd(provisioning.Forwarding{NoAnswer: ext("2012")})}, with(inside, moment{away: []string{"2010"}}), "2012 60s via 2010 unavailable"},
		{"who talks hears a second call", set{"2010": fwd(provisioning.Forwarding{Busy: ext("2011")})}, with(inside, moment{busy: []string{"2010"}}), "2010 60s 1→2011"},
		{"or does not", set{"2010": {NoCallWaiting: true, Forward: provisioning.Forwarding{Busy: ext("2011")}}}, with(inside, moment{busy: []string{"2010"}}), "2011 60s via 2010 user-busy"},
		{"and has nowhere to send it", set{"2010": {NoCallWaiting: true}}, with(inside, moment{busy: []string{"2010"}}), "486"},
		{"do not disturb", set{"2010": {DoNotDisturb: true}}, inside, "486"},
		{"do not disturb, with somebody who is", set{"2010": {DoNotDisturb: true, Forward: provisioning.Forwarding{Busy: ext("2011")}}}, inside, "2011 60s via 2010 do-not-disturb"},
		{"the secretary calls the boss", set{"2010": fwd(provisioning.Forwarding{Always: ext("2001")})}, inside, "2010 60s"},
		{"five hops and no more", chain, inside, "480"},
		{"five hops", set{"2010": chain["2010"], "2011": chain["2011"], "2012": chain["2012"], "2013": chain["2013"], "2014": chain["2014"]}, inside,
			"2015 60s via 2010 unconditional via 2011 unconditional via 2012 unconditional via 2013 unconditional via 2014 unconditional"},
		{"hops of other networks count", set{"2010": fwd(provisioning.Forwarding{Always: ext("2011")})},
			Request{Extension: "2001", Dialled: "2010", Way: make([]sip.Diversion, 5)}, "480"},
		{"a circle", set{"2010": fwd(provisioning.Forwarding{Always: ext("2011")}), "2011": {DoNotDisturb: true, Forward: provisioning.Forwarding{Busy: ext("2010")}}}, inside, "480"},
		{"outside, by its own rights and number", set{"2010": fwd(provisioning.Forwarding{Always: out("0355556666")})}, inside,
			"0355556666@carrier as +81312340010 180s via 2010 unconditional paid by 2010 diverted by +81312340010"},
		{"outside, where it may not", set{"2010": fwd(provisioning.Forwarding{Always: out("010442071838750")})}, inside, "403"},
		{"outside, to an emergency number behind a prefix", set{"2010": fwd(provisioning.Forwarding{Always: out("9119")})}, inside, "403"},
		{"an outside number that is ours", set{"2010": fwd(provisioning.Forwarding{Always: out("0312345670")})}, inside, "2002 60s via 2010 unconditional"},
		{"inside, dialled as a number", set{"2010": fwd(provisioning.Forwarding{Always: out("2011")})}, inside, "2011 60s via 2010 unconditional"},
		{"a DID of one rings as its owner wishes", set{"2010": fwd(provisioning.Forwarding{Always: ext("2011")})}, outside, "2011 60s via 2010 unconditional"},
		{"a DID's ring time counts", set{"2010": fwd(provisioning.Forwarding{NoAnswer: ext("2011")})}, outside, "2010 40s 2→2011 4→2011"},
		{"from outside to outside", set{"2010": fwd(provisioning.Forwarding{Always: out("0355556666")})}, outside,
			"0355556666@carrier as +81312340010 180s via 2010 unconditional paid by 2010 diverted by +81312340010"},
		{"of several those who can", set{"2010": {DoNotDisturb: true}, "2011": fwd(provisioning.Forwarding{Always: ext("2013")})},
			Request{Trunk: "carrier", Dialled: "+81312345672"}, "2012 60s"},
		{"of several nobody can", set{"2010": {DoNotDisturb: true}, "2011": {DoNotDisturb: true}, "2012": {NoCallWaiting: true}},
			Request{Trunk: "carrier", Dialled: "+81312345672", Live: moment{busy: []string{"2012"}}}, "480"},
		{"a call that comes back rings whatever is set", set{"2010": {DoNotDisturb: true}}, Request{Extension: "2010", Dialled: "2010", Direct: true}, "2010 60s"},
		{"in the window after an emergency call nothing of it counts", set{"2010": {DoNotDisturb: true, Forward: provisioning.Forwarding{Always: ext("2011")}}},
			Request{Trunk: "carrier", Dialled: "+81312345671", CallBack: "2010"}, "2010 180s"},
		{"a step's own forward", nil, Request{Trunk: "carrier", Number: "+81901111", Dialled: "+81312345671",
			Forward: &Forward{On: NoAnswer, To: *ext("2011"), By: Diverter{Number: "2010", Payer: "2010"}, Reason: noAnswer}}, "2011 60s via 2010 no-answer"},
		{"a step's own forward to the outside", nil, Request{Trunk: "carrier", Number: "+81901111", Dialled: "+81312345671",
			Forward: &Forward{On: NoAnswer, To: *out("09012345678"), By: Diverter{Number: "2010", Payer: "2010"}, Reason: noAnswer}},
			"09012345678@carrier as +81312340010 180s via 2010 no-answer paid by 2010 diverted by +81312340010"},
	} {
		c.req.Domain = "d"
		p := Route(office(c.set), c.req, time.Time{})
		if got := desk(p); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s\n(%s)", c.name, got, c.want, p.Why)
		}
	}
}

// TestForwardKeepsTheRecording: what is recorded is the number that was called, whoever talks in the end.
func TestForwardKeepsTheRecording(t *testing.T) {
	d := office(map[string]provisioning.Settings{"2010": fwd(provisioning.Forwarding{Always: out("0312345670")})})
	p := Route(d, Request{Domain: "d", Trunk: "carrier", Dialled: "+81312345671"}, time.Time{})
	if p.Record.Number != "+81312345671" || p.Record.Policy != "citizens" || p.Direction != Inbound || draw(p) != "2002" {
		t.Errorf("%+v", p)
	}
}

func TestOutcomeOf(t *testing.T) {
	for c, want := range map[sip.Cause]Outcome{
		sip.CauseBusy: Busy, sip.CauseDeclined: Busy, {Status: 600}: Busy, {Status: 480, Q850: 17}: Busy,
		sip.CauseNoAnswer: NoAnswer, {Status: 480}: Unreachable, sip.CauseTimeout: Unreachable, sip.CauseTransport: Unreachable, {Status: 404}: Unreachable,
	} {
		if got := OutcomeOf(c); got != want {
			t.Errorf("%v: %d, want %d", c, got, want)
		}
	}
}
