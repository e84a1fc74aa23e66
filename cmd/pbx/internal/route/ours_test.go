package route

import (
	"fmt"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
)

// TestOurs: the mobile that a carrier brings rings wherever its extension's telephones do, and is never called by another way, nor from itself.
func TestOurs(t *testing.T) {
	const its = "2010:+819012345678@mobiles "
	inside := func(n string) Request { return Request{Domain: "d", Extension: "2001", Dialled: n, Own: true} }
	from := func(r Request, change func(*Request)) Request { change(&r); return r }
	away := moment{away: []string{"2010"}}
	monday := time.Date(2026, 11, 30, 10, 0, 0, 0, provisioning.Japan())
	office8 := []provisioning.Hours{{Days: []string{"mon"}, From: "08:30", To: "17:15"}}
	twin := provisioning.Settings{Mobile: &provisioning.Mobile{Number: "09012345678"}}
	for _, c := range []struct {
		name string
		set  provisioning.Settings
		req  Request
		want string
	}{
		{"a colleague calls", provisioning.Settings{}, inside("2010"), its},
		{"its DID", provisioning.Settings{}, Request{Domain: "d", Trunk: "carrier", Number: "+81901111", Dialled: "+81312345671"}, its},
		{"in a group, with no other telephone", provisioning.Settings{}, from(inside("6000"), func(r *Request) { r.Live = away }), its},
		{"a call that comes back", provisioning.Settings{}, Request{Domain: "d", Extension: "2010", Dialled: "2010", Direct: true}, its},
		{"with no other telephone nobody sends the call on", provisioning.Settings{Forward: provisioning.Forwarding{Unregistered: ext("2012")}}, from(inside("2010"), func(r *Request) { r.Live = away }), its},
		{"as a twin too", twin, inside("2010"), its},
		{"not to be disturbed", provisioning.Settings{DoNotDisturb: true}, inside("2010"), ""},
		{"later, in its hours", provisioning.Settings{FMC: &provisioning.FMCTimes{Delay: 5, Hours: office8}}, inside("2010"), "2010:+819012345678@mobiles after 5 "},
		{"out of its hours", provisioning.Settings{FMC: &provisioning.FMCTimes{Hours: []provisioning.Hours{{Days: []string{"sun"}, From: "08:30", To: "17:15"}}}}, inside("2010"), ""},
		{"from that mobile", provisioning.Settings{}, Request{Domain: "d", Extension: "2010", Dialled: "2010", Own: true, Afar: true}, ""},
		{"by a telephone's own address", provisioning.Settings{}, from(inside("2010"), func(r *Request) { r.Device = "urn:uuid:aa" }), ""},
		{"sent on often enough", provisioning.Settings{}, from(inside("2010"), func(r *Request) { r.Way = make([]sip.Diversion, MaxHops) }), ""},
		{"by intercom", provisioning.Settings{}, inside("*552010"), ""},
	} {
		d := office(map[string]provisioning.Settings{"2010": c.set})
		d.groups = map[string]provisioning.Group{"d|6000": {Number: "6000", Members: []string{"2010"}}}
		e := d.extensions["d|2010"]
		e.FMCNumber, e.FMCTrunk = "+819012345678", "mobiles"
		d.extensions["d|2010"] = e
		got, p := "", Route(d, c.req, monday)
		for _, s := range p.Steps {
			for _, t := range s.Targets {
				if m := t.Ours; m != nil {
					got += fmt.Sprintf("%s:%s@%s ", t.Number, m.To.Number, m.To.Trunk)
					if m.After != 0 {
						got += fmt.Sprintf("after %v ", m.After.Seconds())
					}
				}
				if t.Mobile != nil {
					got += "and the twin"
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s (%s)", c.name, got, c.want, p.Why)
		}
	}
}
