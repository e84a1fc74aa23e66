package main

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// Who works at home calls by the class of remote work, and hears why not; a softphone there calls for no help, by number nor by keys, and hears what to do. A
// desk telephone calls for help from everywhere, and in the office every number goes.
func TestRemoteWork(t *testing.T) {
	onStage(t, "", func(o *stage) {
		office, home := o.phones["2001"], o.phones["2002"]
		reaches := func(p *siptest.Phone, number, at string) {
			t.Helper()
			out := o.invite(p, number, nil)
			in := o.carrier.Expect("INVITE")
			if in.URI.User != at {
				t.Errorf("%s reaches %s", number, in.URI.User)
			}
			o.carrier.Reply(in, 486, nil)
			o.carrier.Expect("ACK")
			p.Ack(out, p.ExpectStatus(486, "INVITE"))
		}
		hears := func(number string) {
			t.Helper()
			out := o.invite(home, number, func(r *stack.Request) { r.Set("User-Agent", "soft 7.1") })
			home.ExpectStatus(183, "INVITE")
			home.Ack(out, home.ExpectStatus(403, "INVITE"))
		}
		reaches(home, "110", "110")
		for from, want := range map[string][2]string{"": {"true", "true"}, provisioning.DialOffice: {"true", "true"}, provisioning.DialDesk: {"false", "true"},
			provisioning.DialOutside: {"false", "false"}, provisioning.DialMobile: {"false", "false"}} { // a customer, and help
			for i, number := range []string{"0398765432", "119"} {
				if s, err := o.p.purse.LimitState(simDomain, "2002", provisioning.DialQuery{Number: number, From: from}); err != nil || fmt.Sprint(s.Dial.Allowed) != want[i] {
					t.Errorf("%s from %q: %+v %v", number, from, s.Dial, err)
				}
			}
		}
		reaches(office, "0398765432", "+81398765432")
		hears("119")
		hears("0398765432")
		if got, want := o.library.heard(), "call/emergency-mobile restriction/remote"; got != want {
			t.Errorf("heard %q", got)
		}
		a, desk := o.talk(office, home, "2002")
		desk.keys("##110")
		o.carrier.Reply(o.carrier.Expect("INVITE"), 486, nil)
		o.carrier.Expect("ACK")
		o.wait(2 * simPrompt)
		a.bye(desk)
		soft := o.another("2003", "pc", 0.3, 31)
		out := o.invite(office, "2003", nil)
		first, second := rung(o.phones["2003"]), rung(soft)
		office.ExpectStatus(180, "INVITE")
		a, pc := o.pickUp(side{office, out, nil, true}, side{soft, second, nil, false})
		calledOff(o.phones["2003"], first)
		pc.keys("##119")
		o.carrier.Silence(4 * simPrompt)
		o.wait(10 * time.Second)
		o.talking(0, 0, 0, 0, 0, 2)
		a.bye(pc)
	}, provisioning.Restriction{Name: "homework"}, provisioning.Settings{Extension: "2002", CallCodes: true}, provisioning.Settings{Extension: "2003", CallCodes: true},
		provisioning.Domain{Name: simDomain, Title: "sim", Language: "ja", AllowMD5: true, CountryCode: "81",
			Remote: &provisioning.RemoteWork{Restriction: "homework", Softphones: []string{"Soft", "Phone pc"}}},
		provisioning.Site{Name: "hall", EmergencyNumber: "+81312340000", Networks: []string{"192.0.2.21/32"}})
}

// TestRemoteOf: a telephone is outside where the domain's sites have networks and none is its own, and a softphone by its transport, by push, or by its name.
func TestRemoteOf(t *testing.T) {
	hall := provisioning.Site{Name: "hall", EmergencyNumber: "+81312340000", Networks: []string{"192.0.2.0/28"}}
	pushed := sip.URI{Scheme: "sip", Host: "h"}
	pushed.Params.Set("pn-provider", "apns")
	for name, c := range map[string]struct {
		sites []provisioning.Entity
		from  string
		phone handset
		want  route.Remote
	}{
		"in the office":                 {[]provisioning.Entity{hall}, "192.0.2.1", handset{transport: "wss"}, route.OnPremises},
		"nobody knows where that is":    {nil, "198.51.100.1", handset{transport: "wss"}, route.OnPremises},
		"a desk telephone outside":      {[]provisioning.Entity{hall}, "198.51.100.1", handset{transport: "tls", agent: "Yealink SIP-T46S"}, route.RemoteDesk},
		"a browser":                     {[]provisioning.Entity{hall}, "198.51.100.1", handset{transport: "wss"}, route.RemoteSoft},
		"one that is woken by push":     {[]provisioning.Entity{hall}, "198.51.100.1", handset{transport: "tls", contact: pushed}, route.RemoteSoft},
		"one that says what it is":      {[]provisioning.Entity{hall}, "198.51.100.1", handset{transport: "udp", agent: "Linphone/5.2 (iPhone)"}, route.RemoteSoft},
		"in the office, by its IPv6 4s": {[]provisioning.Entity{hall}, "::ffff:192.0.2.1", handset{transport: "udp", agent: "Linphone/5.2"}, route.OnPremises},
	} {
		d := simDirectory(t, c.sites...)
		if got := remoteOf(d.Snapshot(), simDomain, netip.MustParseAddr(c.from), c.phone); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
