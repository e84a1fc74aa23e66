package main

import (
	"crypto/tls"
	"encoding/pem"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

const (
	bobsMobile  = "+819011112222" // 2002's, which its carrier brings
	bobsOffice  = "+81312342002"
	otherMobile = "+819011119999"
)

// mobileNetwork are the trunk of a carrier of mobiles, and 2002 whose mobile it brings.
func mobileNetwork(change func(*provisioning.Trunk), bob func(*provisioning.Extension)) []provisioning.Entity {
	t := provisioning.Trunk{Name: "mobiles", Profile: "fmc", Role: provisioning.RoleFMC, Host: "192.0.2.60:5060", Transport: "udp", Sources: []string{"192.0.2.60/32"},
		Username: "network", Media: "srtp-forbidden", FMCNoVoicemail: true}
	e := provisioning.Extension{Number: "2002", Display: "Bob", AllowMD5: true, Media: "srtp-preferred", Record: "silent", CallerID: bobsOffice, FMCNumber: bobsMobile, FMCTrunk: "mobiles"}
	if change != nil {
		change(&t)
	}
	if bob != nil {
		bob(&e)
	}
	return []provisioning.Entity{t, e}
}

// network is that carrier.
func (o *stage) network() *siptest.Phone {
	p := o.net.Phone(o.t, "network", netip.MustParseAddrPort("192.0.2.60:5060"), o.proxy)
	p.Domain, p.Auth = "network.example", siptest.Digest("network", "secret-mobiles")
	o.names = append(o.names, "network")
	o.air.speak(netip.AddrPortFrom(p.Addr.Addr(), 4000), true)
	return p
}

// brings says that a mobile calls.
func brings(mobile string) func(*stack.Request) {
	return func(r *stack.Request) {
		r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: mobile, Host: "network.example"}}.WithTag("m" + r.CallID()))
		r.Set("P-Asserted-Identity", "<sip:"+mobile+"@network.example;user=phone>, <tel:"+mobile+">")
	}
}

// A mobile that its carrier brings dials as its extension: a colleague by the short number, the outside by the extension's number, a code; each is recorded,
// paid and shown as of the desk, and its own number is nowhere.
func TestFMCTrunkCalls(t *testing.T) {
	onStage(t, "fmc-calls", func(o *stage) {
		alice, network := o.phones["2001"], o.network()
		out := o.invite(network, "2001", brings(bobsMobile))
		in := rung(alice)
		if in.From().URI.User != "2002" || strings.Contains(written(in), "9011112222") {
			t.Errorf("the colleague is told %s", written(in))
		}
		network.ExpectStatus(180, "INVITE")
		a, b := o.pickUp(side{network, out, nil, true}, side{alice, in, nil, false})
		o.wait(time.Second)
		s := o.p.calls.Snapshots(simDomain)[0]
		if s.Recording == "" || !slices.ContainsFunc(s.Parties, partyOf("2002")) || !o.p.signalling.legs.busy("2002@"+simDomain) {
			t.Errorf("others see %+v", s)
		}
		a.bye(b)
		out = o.invite(network, "+81355556666", brings(bobsMobile))
		in = o.carrier.Expect("INVITE")
		if in.URI.User != "+81355556666" || in.From().URI.User != bobsOffice || strings.Contains(written(in), "9011112222") {
			t.Errorf("the carrier is told %s", written(in))
		}
		o.carrier.Reply(in, 486, nil)
		o.carrier.Expect("ACK")
		network.Ack(out, network.ExpectStatus(486, "INVITE"))
		out = o.invite(network, "*60", brings(bobsMobile)) // the time
		a = side{network, out, network.ExpectStatus(200, "INVITE"), true}
		network.Ack(out, a.resp)
		o.wait(6 * simPrompt)
		a.hungUp()
		o.records("2002 > 2001 2001 200 OK by caller", "2002 > 0355556666  486 Busy Here by switch", "2002 > *60 feature:time 200 Normal call clearing by switch")
		o.mu.Lock()
		defer o.mu.Unlock()
		if c := o.cdrs[1]; c.Charge.Extension != "2002" {
			t.Errorf("the call is paid by %+v", c.Charge)
		}
	}, mobileNetwork(nil, nil)...)
}

func partyOf(extension string) func(call.PartySnapshot) bool {
	return func(p call.PartySnapshot) bool { return p.Extension == extension && p.Dialog.Target == "" }
}

// Whom the carrier does not name, names twice, or names and nobody has, is told 403 and counted; so is the mobile of who is out of use. A password that is
// not the trunk's is asked again, and what another carrier or a desk writes is believed by nobody.
func TestFMCTrunkRefuses(t *testing.T) {
	onStage(t, "", func(o *stage) {
		network := o.network()
		refused := func(status int, change func(*stack.Request)) {
			t.Helper()
			out := o.invite(network, "2001", change)
			r := network.ExpectStatus(status, "INVITE")
			network.Ack(out, r)
			if status == 403 && r.Reason != "Unknown Mobile" {
				t.Errorf("the carrier is told %q", r.Reason)
			}
		}
		both := func(r *stack.Request) {
			brings(bobsMobile)(r)
			r.Set("P-Asserted-Identity", "<sip:"+bobsMobile+"@network.example>, <tel:"+otherMobile+">")
		}
		refused(403, both)
		refused(403, func(r *stack.Request) { brings(bobsMobile)(r); r.Del("P-Asserted-Identity") })
		refused(403, func(r *stack.Request) {
			brings(bobsMobile)(r)
			r.Set("P-Asserted-Identity", "<sip:2002@"+simDomain+">")
		})
		refused(403, brings(otherMobile))
		refused(403, brings("+819011113333")) // of 2010, which is disabled
		if m := &o.p.signalling.mobiles; m.unnamed.Load() != 3 || m.unknown.Load() != 1 || m.barred.Load() != 1 {
			t.Errorf("counted: %d, %d, %d", m.unnamed.Load(), m.unknown.Load(), m.barred.Load())
		}
		for _, wrong := range [][2]string{{"network", "guessed"}, {"2001", "secret-2001"}} {
			network.Auth = siptest.Digest(wrong[0], wrong[1])
			status := 401
			if wrong[0] == "2001" { // it proves an extension, and no trunk
				status = 403
			}
			out := o.invite(network, "2001", brings(bobsMobile))
			network.Ack(out, network.ExpectStatus(status, "INVITE"))
		}
		out := o.invite(o.carrier, "2001", brings(bobsMobile))
		o.carrier.Ack(out, o.carrier.ExpectStatus(404, "INVITE"))
		desk := o.phones["2004"]
		out = o.invite(desk, "2001", func(r *stack.Request) { r.Set("P-Asserted-Identity", "<tel:"+bobsMobile+">") })
		if in := o.phones["2001"].Expect("INVITE"); in.From().URI.User != "2004" {
			t.Errorf("a desk calls as %s", in.From().URI.User)
		} else {
			o.phones["2001"].Reply(in, 486, nil)
			o.phones["2001"].Expect("ACK")
		}
		desk.Ack(out, desk.ExpectStatus(486, "INVITE"))
	}, append(mobileNetwork(nil, nil), provisioning.Extension{Number: "2010", Disabled: true, FMCNumber: "+819011113333", FMCTrunk: "mobiles"})...)
}

// What the extension may not call, it may not from its mobile; remote work closes more; and help is its own network's: who dials it here is told so, and no
// carrier of ours is called.
func TestFMCTrunkRights(t *testing.T) {
	home := provisioning.Restriction{Name: "home"}
	office := provisioning.Domain{Name: simDomain, Title: "sim", Language: "ja", AllowMD5: true, CountryCode: "81", Remote: &provisioning.RemoteWork{Restriction: "home"}}
	onStage(t, "", func(o *stage) {
		network := o.network()
		var helped []string
		o.p.signalling.mobiles.help = func(domain, trunk string) { helped = append(helped, trunk+"@"+domain) }
		for _, number := range []string{"119", "0355556666"} {
			out := o.invite(network, number, brings(bobsMobile))
			network.ExpectStatus(183, "INVITE")
			network.Ack(out, network.ExpectStatus(403, "INVITE"))
			o.carrier.Silence(time.Second)
		}
		if got := strings.Join(helped, " "); got != "mobiles@"+simDomain {
			t.Errorf("who sends help here: %s", got)
		}
		if got := o.library.heard(); got != "call/emergency-mobile restriction/remote" {
			t.Errorf("heard %s", got)
		}
	}, append(mobileNetwork(nil, nil), home, office)...)
}

// A call to the extension rings its mobile by its carrier beside the desk, as a colleague's call; who answers there has it at once.
func TestFMCTrunkRings(t *testing.T) {
	onStage(t, "fmc-rings", func(o *stage) {
		alice, desk, network := o.phones["2001"], o.phones["2002"], o.network()
		out := o.invite(alice, "2002", nil)
		ringing := o.gather(desk, 1)["INVITE"].Request
		desk.Reply(ringing, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		in := network.Expect("INVITE")
		if in.URI.User != bobsMobile || in.From().URI.User != "2001" || in.Get("P-Asserted-Identity") != "<sip:2001@192.0.2.60>" || in.Has("Diversion") || in.Has("History-Info") {
			t.Errorf("the mobile is told %s", written(in))
		}
		b := side{network, in, network.Reply(in, 200, with(network, "0 8 101")), false}
		network.Expect("ACK")
		calledOff(desk, ringing)
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		if strings.Contains(written(a.resp), "9011112222") {
			t.Errorf("the caller is told %s", written(a.resp))
		}
		o.wait(time.Second)
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller")
		o.mu.Lock()
		if c := o.cdrs[0]; c.Charge.Extension != "" || c.Trunk != "mobiles" {
			t.Errorf("%+v", c)
		}
		o.mu.Unlock()
		out = o.fromOutside(simAnswered) // 2002, 2003 and 2004
		in = network.Expect("INVITE")
		if in.From().URI.User != "+81300000000" {
			t.Errorf("the mobile is told %s", written(in))
		}
		network.Reply(in, 486, nil)
		network.Expect("ACK")
		for _, n := range []string{"2002", "2003", "2004"} {
			m := o.phones[n].Expect("INVITE")
			o.phones[n].Reply(m, 486, nil)
			o.phones[n].Expect("ACK")
		}
		o.carrier.Ack(out, o.carrier.ExpectStatus(486, "INVITE"))
	}, append(mobileNetwork(nil, nil), provisioning.DID{Number: simAnswered, To: []string{"2002", "2003", "2004"}})...)
}

// Where the carrier's voicemail may answer, somebody has to press 1.
func TestFMCTrunkConfirms(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, desk, network := o.phones["2001"], o.phones["2002"], o.network()
		out := o.invite(alice, "2002", nil)
		ringing := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		in := network.Expect("INVITE")
		m := side{network, in, network.Reply(in, 200, with(network, "0 8 101")), false}
		network.Expect("ACK")
		alice.Silence(2 * time.Second)
		m.inform("1")
		calledOff(desk, ringing)
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		o.wait(time.Second)
		a.bye(m)
	}, mobileNetwork(func(t *provisioning.Trunk) { t.FMCNoVoicemail = false }, nil)...)
}

// A mobile whose carrier does not carry rings by nobody: neither by another trunk, nor as the twin of a desk, by whoever wrote it there.
func TestFMCTrunkFailsClosed(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, desk, network := o.phones["2001"], o.phones["2002"], o.network()
		out := o.invite(alice, "2002", nil)
		ringing := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		o.carrier.Silence(5 * time.Second)
		network.Silence(time.Second)
		desk.Reply(ringing, 486, nil)
		desk.Expect("ACK")
		alice.Ack(out, alice.ExpectStatus(486, "INVITE"))
	}, append(mobileNetwork(func(t *provisioning.Trunk) { t.Disabled = true }, nil),
		provisioning.Settings{Extension: "2002", Mobile: &provisioning.Mobile{Number: "09011112222"}})...)
}

// A carrier of mobiles that is known by its certificate needs no password and no address. 403 says that it was believed, and brings nobody of ours.
func TestFMCTrunkByCertificate(t *testing.T) {
	t.Parallel()
	ours, strange := newAuthority(t), newAuthority(t)
	roots := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ours.cert.Raw}))
	l := newLab(t, nil)
	l.put(provisioning.Trunk{Name: "carrier", Host: "127.0.0.1", Disabled: true}, provisioning.Trunk{Name: "mobiles", Profile: "fmc", Role: provisioning.RoleFMC, Host: "mobiles.carrier.example",
		Transport: "tls", TLSPeers: []string{"mobiles.carrier.example"}, TLSTrust: roots, FMCIdentity: "from", OptionsSeconds: -1})
	l.put(provisioning.Extension{Number: "2002", FMCNumber: bobsMobile, FMCTrunk: "mobiles"})
	for _, c := range []struct {
		name, from string
		cfg        *tls.Config
		status     int
	}{
		{"its own", bobsMobile, ours.phone(nil, "mobiles.carrier.example"), 404},
		{"nobody's mobile", otherMobile, ours.phone(nil, "mobiles.carrier.example"), 403},
		{"another name", bobsMobile, ours.phone(nil, "other.carrier.example"), 401},
		{"another issuer", bobsMobile, strange.phone(nil, "mobiles.carrier.example"), 401},
		{"none", bobsMobile, &tls.Config{InsecureSkipVerify: true}, 401},
	} {
		peer := l.stream("tls", c.cfg)
		if r := peer.ask("INVITE", c.from, "+81399999999"); r.Status != c.status {
			t.Errorf("%s: %d, want %d", c.name, r.Status, c.status)
		}
		_ = peer.c.Close()
	}
}
