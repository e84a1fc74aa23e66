package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/health"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

func localhost() netip.Addr { return netip.MustParseAddr("127.0.0.1") }

// carrierAt is a scripted carrier and its trunk.
func (l *lab) carrierAt(name string, change func(*provisioning.Trunk)) *siptest.Phone {
	l.t.Helper()
	ph := siptest.NewPhone(l.t, name, l.socket(localhost()), l.at("udp"))
	tr := provisioning.Trunk{Name: name, Host: ph.Addr.String(), Transport: "udp", Media: "srtp-forbidden", Prefixes: []string{"0"}, OptionsSeconds: -1}
	if change != nil {
		change(&tr)
	}
	l.put(provisioning.Trunk{Name: "carrier", Host: "127.0.0.1", Disabled: true}, tr) // the first run's, which nobody answers for
	return ph
}

// refuse waits for an INVITE at a carrier and refuses it.
func refuse(ph *siptest.Phone, status int, change func(*stack.Response)) *stack.Request {
	m := ph.Expect("INVITE")
	ph.Reply(m, status, change)
	ph.Expect("ACK")
	return m
}

func (l *lab) status(name string) provisioning.TrunkStatus {
	l.t.Helper()
	s, err := l.p.trunks.TrunkStatus(l.p.config.Domain, name)
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// TestTrunksInTurn: a carrier that fails is passed over; what the called person answers is the end; channels and Retry-After are kept.
func TestTrunksInTurn(t *testing.T) {
	l := newLab(t, nil)
	first := l.carrierAt("first", func(t *provisioning.Trunk) { t.Priority, t.MaxCalls = 1, 1 })
	second := l.carrierAt("second", func(t *provisioning.Trunk) { t.Priority = 2 })
	alice := l.phone("2001", localhost())
	dial := func(number string, want int) *stack.Response {
		t.Helper()
		inv := l.authorised(alice, callTo(alice, number))
		resp := alice.ExpectStatus(want, "INVITE")
		alice.Ack(inv, resp)
		return resp
	}
	script := func(ph *siptest.Phone, status int, change func(*stack.Response)) chan *stack.Request {
		c := make(chan *stack.Request, 1)
		go func() { c <- refuse(ph, status, change) }()
		return c
	}
	a := script(first, 500, nil)
	b := script(second, 486, nil)
	dial("0312340001", 486)
	if x, y := <-a, <-b; x.CallID() == y.CallID() || y.URI.User != "+81312340001" {
		t.Errorf("%s and %s", x.URI, y.URI)
	}
	a = script(first, 603, nil)
	dial("0312340002", 603) // nobody asks the second: its script would have to answer
	<-a
	if s := l.status("first"); s.Attempts != 2 || s.Failed != 1 || s.Calls != 0 || !s.Up {
		t.Errorf("%+v", s)
	}
	if s := l.status("second"); s.Attempts != 1 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}

	held := l.authorised(alice, callTo(alice, "0312340003")) // takes the only channel
	ringing := first.Expect("INVITE")
	first.Reply(ringing, 180, nil)
	alice.ExpectStatus(180, "INVITE")
	bob := l.phone("2002", localhost())
	b = script(second, 404, nil)
	inv := l.authorised(bob, callTo(bob, "0312340004"))
	bob.Ack(inv, bob.ExpectStatus(404, "INVITE"))
	<-b
	first.Reply(ringing, 486, nil)
	first.Expect("ACK")
	alice.Ack(held, alice.ExpectStatus(486, "INVITE"))

	a = script(first, 503, func(r *stack.Response) { r.Set("Retry-After", "60") })
	b = script(second, 480, func(r *stack.Response) { r.Set("Retry-After", "60") })
	dial("0312340005", 480)
	<-a
	<-b
	resp := dial("0312340005", 500) // both asked not to be tried: neither is
	if c, err := sip.ParseReason(strings.Join(resp.All("Reason"), ", ")); err != nil || c.Q850 != 34 {
		t.Errorf("Reason %q, want Q.850 34", resp.All("Reason"))
	}
	if s := l.status("first"); s.ClosedUntil.IsZero() || s.Paced != 1 {
		t.Errorf("%+v", s)
	}
}

// TestPresentation: 184 per call hides the number from the called side and keeps it for a carrier that is trusted with it.
func TestPresentation(t *testing.T) {
	l := newLab(t, nil)
	ph := l.carrierAt("line", func(t *provisioning.Trunk) {
		t.Profile, t.CallerID, t.CallerRanges = "ngn", "+81312340000", []string{"+813123400XX"}
	})
	alice := l.phone("2001", localhost())
	l.put(provisioning.Extension{Number: "2001", AllowMD5: true, CallerID: "+81398765432"}) // not contracted on this line
	for dialled, want := range map[string][3]string{
		"0451234567":    {"<sip:0312340000@127.0.0.1>", "", "<sip:0312340000@127.0.0.1>"},
		"1840451234567": {`"Anonymous" <sip:anonymous@anonymous.invalid>`, "id", "<sip:0312340000@127.0.0.1>"},
		"1860451234567": {"<sip:0312340000@127.0.0.1>", "none", "<sip:0312340000@127.0.0.1>"},
	} {
		inv := l.authorised(alice, callTo(alice, dialled))
		m := refuse(ph, 486, nil)
		from, _, _ := strings.Cut(m.Get("From"), ";tag=")
		if from != want[0] || m.Get("Privacy") != want[1] || m.Get("P-Preferred-Identity") != want[2] || m.Has("P-Asserted-Identity") || m.URI.User != "0451234567" {
			t.Errorf("%s: %s from %s, Privacy %q, PPI %s", dialled, m.URI, m.Get("From"), m.Get("Privacy"), m.Get("P-Preferred-Identity"))
		}
		if m.Get("Session-Expires") != "300;refresher=uac" || m.Get("Min-SE") != "300" || strings.Contains(m.Get("Allow"), "REFER") ||
			strings.Contains(string(m.Body), "PCMA") || !strings.Contains(string(m.Body), "PCMU") {
			t.Errorf("not as an NGN line wants it:\n%+v\n%s", m, m.Body)
		}
		alice.Ack(inv, alice.ExpectStatus(486, "INVITE"))
	}
}

// TestEmergencyCall: the call is the site's, whoever signed in; a call back to the site's number reaches the device though no DID is there.
func TestEmergencyCall(t *testing.T) {
	l := newLab(t, nil)
	l.put(provisioning.Site{Name: "hall", Address: "千代田区1-1", EmergencyNumber: "+81312340000", Networks: []string{"127.0.0.0/8"}})
	ph := l.carrierAt("line", func(t *provisioning.Trunk) {
		t.Profile, t.Sites, t.MaxCalls = "ip", []string{"hall"}, 1
		t.Sources, t.Prefixes, t.DIDFrom = []string{"127.0.0.1/32"}, []string{"9"}, []string{"request-uri"}
	})
	alice := l.phone("2001", localhost())
	l.put(provisioning.Extension{Number: "2001", AllowMD5: true, CallerID: "+81398765432"})
	alice.Register(3600)
	inv := l.authorised(alice, callTo(alice, "184119"))
	m := refuse(ph, 486, nil)
	if m.URI.User != "119" || m.From().URI.User != "+81312340000" || m.Has("Privacy") || !strings.Contains(m.Get("P-Asserted-Identity"), "+81312340000") {
		t.Errorf("%s from %s, PAI %s", m.URI, m.Get("From"), m.Get("P-Asserted-Identity"))
	}
	alice.Ack(inv, alice.ExpectStatus(486, "INVITE"))

	back := ph.NewRequest("INVITE", "+81312340000")
	back.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "0331234567", Host: "carrier.example"}}.WithTag(stack.NewTag()))
	back.SetBody("application/sdp", offer(localhost()))
	ph.Send(back)
	ring := alice.Expect("INVITE")
	if ring.From().URI.User != "+81331234567" {
		t.Errorf("rings as %s", ring.Get("From"))
	}
	alice.Reply(ring, 486, nil)
	alice.Expect("ACK")
	ph.Ack(back, ph.ExpectStatus(486, "INVITE"))
	found := map[string]bool{}
	deadline := time.Now().Add(30 * time.Second)
	for len(found) < 3 && time.Now().Before(deadline) {
		err := l.p.store.View(t.Context(), func(r provisioning.Reader) error {
			cdrs, err := r.CDRs(l.p.config.Domain, provisioning.CDRQuery{Limit: 10})
			for _, c := range cdrs {
				found["emergency"] = found["emergency"] || c.Emergency && c.Site == "hall" && c.To == "119"
				found["back"] = found["back"] || c.CallBack
			}
			audited, auditErr := r.Audit(l.p.config.Domain, provisioning.AuditQuery{Action: "call.emergency", Limit: 10})
			found["audit"] = found["audit"] || len(audited) == 1 && audited[0].Detail["site"] == "hall"
			for k, v := range found {
				if !v {
					delete(found, k)
				}
			}
			if err == nil {
				err = auditErr
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
	if len(found) < 3 {
		t.Errorf("only %v is recorded", found)
	}
}

// TestMigration: an extension rings on the old telephone system until its record is changed, and dials like any other meanwhile.
func TestMigration(t *testing.T) {
	l := newLab(t, nil)
	old := l.carrierAt("old", func(t *provisioning.Trunk) {
		t.Profile, t.Prefixes, t.Sources = "legacy-pbx", nil, []string{"127.0.0.1/32"}
	})
	alice := l.phone("2001", localhost())
	alice.Register(3600)
	l.put(provisioning.Extension{Number: "2050", Display: "経理", Remote: "old"})

	inv := l.authorised(alice, callTo(alice, "2050"))
	m := refuse(old, 486, nil)
	if m.URI.User != "2050" || m.From().URI.User != "2001" {
		t.Errorf("%s from %s", m.URI, m.Get("From"))
	}
	alice.Ack(inv, alice.ExpectStatus(486, "INVITE"))

	call := old.NewRequest("INVITE", "2001")
	call.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "2050", Host: "old.example"}}.WithTag(stack.NewTag()))
	call.SetBody("application/sdp", offer(localhost()))
	old.Send(call)
	ring := alice.Expect("INVITE")
	if ring.From().URI.User != "2050" || ring.From().Display != "経理" {
		t.Errorf("rings as %s", ring.Get("From"))
	}
	alice.Reply(ring, 486, nil)
	alice.Expect("ACK")
	old.Ack(call, old.ExpectStatus(486, "INVITE"))

	l.put(provisioning.Extension{Number: "2050", Display: "経理"}) // flipped: it has no telephone here yet
	inv = l.authorised(alice, callTo(alice, "2050"))
	alice.Ack(inv, alice.ExpectStatus(480, "INVITE"))
	if s := l.status("old"); s.Attempts != 1 || s.Calls != 0 {
		t.Errorf("%+v", s)
	}
}

// TestProbe: any answer but 503 and 408 says that a carrier is there; three silences that it is not.
func TestProbe(t *testing.T) {
	l := newLab(t, nil)
	ph := l.carrierAt("line", nil)
	at, _ := l.p.directory.Snapshot().Trunk(l.p.config.Domain, "line")
	p, err := trunkProfile(l.p.config.Domain, at)
	if err != nil {
		t.Fatal(err)
	}
	k := health.Key{Domain: l.p.config.Domain, Trunk: "line"}
	for i, status := range []int{404, 503, 503, 503, 200, 200} {
		done := make(chan struct{})
		go func() { defer close(done); l.p.trunks.probe(t.Context(), k, p) }()
		m := ph.Expect("OPTIONS")
		if len(m.All("Contact")) != 1 || m.URI.User != "" {
			t.Errorf("OPTIONS: %+v", m)
		}
		ph.Reply(m, status, nil)
		<-done
		if up := l.status("line").Up; up != (i < 3 || i == 5) {
			t.Errorf("after %d: up %v", i, up)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the switch stops: it says nothing of the carrier
	l.p.trunks.probe(ctx, k, p)
	if !l.status("line").Up {
		t.Error("down")
	}
}

func TestCallbacks(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	c := newCallbacks(func() time.Time { return now })
	c.open("d", "2001", 0, "+81312340000", "", "+81398765432")
	c.open("d", "2002", time.Hour, "+81300000000")
	for i := range 3 * maxCallBacks {
		c.open("e", "1", time.Minute, fmt.Sprintf("+%d", 100000+i))
	}
	if len(c.window) > maxCallBacks {
		t.Errorf("%d windows", len(c.window))
	}
	for number, want := range map[string]string{"+81312340000": "2001", "+81398765432": "2001", "+81300000000": "2002", "": "", "+8131": ""} {
		if got, ok := c.find("d", number); got != want || ok != (want != "") {
			t.Errorf("%s: %q", number, got)
		}
	}
	now = now.Add(31 * time.Minute)
	if _, ok := c.find("d", "+81312340000"); ok {
		t.Error("the window is still open after 31 minutes")
	}
	if _, ok := c.find("d", "+81300000000"); !ok {
		t.Error("the site's own hour is over after 31 minutes")
	}
	if _, ok := c.find("e", "+81312340000"); ok {
		t.Error("another domain's")
	}
}

// TestProfilesAgree: provisioning validates the names that sip/trunk has tables for.
func TestProfilesAgree(t *testing.T) {
	for _, name := range provisioning.TrunkProfiles {
		if _, err := trunkProfile("d", provisioning.Trunk{Name: "x", Host: "192.0.2.1", Profile: name, ContactHost: "sbc.example.jp"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReferOfTrunk: a carrier that transfers by REFER into its own network gets its call back there, parameters and all; elsewhere it sends nobody.
func TestReferOfTrunk(t *testing.T) {
	l := newLab(t, nil)
	yes := true
	ph := l.carrierAt("teams", func(t *provisioning.Trunk) {
		t.Profile, t.Refer, t.Sources, t.DIDFrom = "ip", &yes, []string{"127.0.0.1/32"}, []string{"request-uri"}
	})
	l.put(provisioning.DID{Number: "+81312349999", To: []string{"2001"}})
	alice := l.phone("2001", localhost())
	alice.Register(3600)
	in := ph.NewRequest("INVITE", "+81312349999")
	in.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81398765432", Host: "teams.example"}}.WithTag(stack.NewTag()))
	in.SetBody("application/sdp", offer(localhost()))
	ph.Send(in)
	ring := alice.Expect("INVITE")
	answer := func(r *stack.Response) { r.SetBody("application/sdp", offer(localhost())) }
	alice.Reply(ring, 200, answer)
	alice.Expect("ACK")
	up := ph.ExpectStatus(200, "INVITE")
	ph.Ack(in, up)

	refer := ph.InDialog("REFER", in, up)
	refer.Set("Refer-To", "<sip:elsewhere.example;x-m=1>")
	ph.Send(refer)
	ph.ExpectStatus(603, "REFER")

	refer = ph.InDialog("REFER", in, up)
	refer.Set("Refer-To", fmt.Sprintf("<sip:127.0.0.1:%d;x-m=8:orgid:a;x-t=b>", ph.Addr.Port()))
	refer.Set("Referred-By", "<sip:+81398765432@teams.example;x-m=8:orgid:a>")
	ph.Send(refer)
	var back *stack.Request
	accepted := false
	for back == nil || !accepted {
		m, ok := ph.Read(siptest.Patience)
		switch {
		case !ok:
			t.Fatal("no INVITE came back")
		case m.Response != nil:
			accepted = accepted || m.Response.Status == 202
		case m.Request.Method == "INVITE":
			back = m.Request
		default:
			ph.Reply(m.Request, 200, nil)
		}
	}
	x, _ := back.URI.Params.Get("x-m")
	y, _ := back.URI.Params.Get("x-t")
	if back.URI.User != "" || x != "8:orgid:a" || y != "b" || len(back.All("Referred-By")) != 1 || !strings.Contains(back.Get("Referred-By"), "+81398765432") {
		t.Errorf("%s, Referred-By %s", back.URI, back.Lines("Referred-By"))
	}
	ph.Reply(back, 200, answer)
	for { // the reports on the REFER come in another dialog, at their own time
		m, ok := ph.Read(siptest.Patience)
		if !ok {
			t.Fatal("no ACK")
		}
		if m.Request != nil && m.Request.Method == "ACK" {
			break
		}
		if m.Request != nil {
			ph.Reply(m.Request, 200, nil)
		}
	}
}
