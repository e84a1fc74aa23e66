package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/stack"
)

func withMobile(n string, delay int) provisioning.Settings {
	return provisioning.Settings{Extension: n, CallCodes: true, Mobile: &provisioning.Mobile{Number: "09012345678", Delay: delay}}
}

// written is a message as it was sent.
func written(m interface {
	Append([]byte) ([]byte, error)
}) string {
	raw, _ := m.Append(nil)
	return string(raw)
}

// A mobile rings three seconds after the desk, answers, and takes the call by its key. It is shown its owner's outside number and the way of the call;
// the caller sees its owner. Its codes are its owner's: it sends the call to a colleague.
func TestMobileTakesTheCall(t *testing.T) {
	onStage(t, "mobile", func(o *stage) {
		alice, desk, carol := o.phones["2001"], o.phones["2002"], o.phones["2004"]
		out := o.invite(alice, "2002", nil)
		first := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		in := o.carrier.Expect("INVITE")
		if in.URI.User != "+819012345678" || strings.Contains(in.Get("From")+in.Get("Contact")+in.Get("P-Asserted-Identity"), "200") {
			t.Errorf("the carrier is told %s %s %s", in.URI, in.Get("From"), in.Get("Contact"))
		}
		m := side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false}
		o.carrier.Expect("ACK")
		o.wait(2 * time.Second)
		alice.Silence(time.Second)
		m.inform("1")
		calledOff(desk, first)
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		o.wait(time.Second)
		if s := o.p.calls.Snapshots(simDomain)[0]; strings.Contains(written(a.resp), "9012345678") || len(s.Parties) != 2 || s.Parties[1].Extension != "2002" || s.Parties[1].Dialog.Target != "" {
			t.Errorf("the caller was told %s, others see %+v", written(a.resp), s)
		}
		m.keys("##2004#")
		third := carol.Expect("INVITE")
		c := side{carol, third, carol.Reply(third, 200, with(carol, "0 8 101")), false}
		carol.Expect("ACK")
		m.hungUp()
		c.bye(a)
		o.records("2001 > 2002 2002 200 OK by called")
		o.mu.Lock()
		defer o.mu.Unlock()
		if c := o.cdrs[0]; c.Charge.Extension != "2002" || c.Charge.Class != "mobile" || c.Trunk != "carrier" || c.Transfers != 1 {
			t.Errorf("%+v", c)
		}
	}, withMobile("2002", 3))
}

// A voicemail answers: the desk rings on and takes the call from outside. Nothing was paid, and the mobile's carrier was shown who calls.
func TestVoicemailTakesNoCall(t *testing.T) {
	onStage(t, "mobile-voicemail", func(o *stage) {
		desk := o.phones["2003"]
		out := o.fromOutside(simPlain)
		first := rung(desk)
		in := o.carrier.Expect("INVITE")
		o.carrier.ExpectStatus(180, "INVITE")
		m := side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false}
		o.carrier.Expect("ACK")
		o.wait(8 * time.Second)
		desk.Reply(first, 200, with(desk, "0 8 101"))
		desk.Expect("ACK")
		a := side{o.carrier, out, o.carrier.ExpectStatus(200, "INVITE"), true}
		if why := m.hungUp().Get("Reason"); !strings.Contains(why, "SIP;cause=200") {
			t.Errorf("the mobile was told %s", why)
		}
		o.carrier.Ack(out, a.resp)
		o.wait(time.Second)
		a.bye(side{desk, first, nil, false})
		o.mu.Lock()
		defer o.mu.Unlock()
		if c := o.cdrs[0]; c.AnsweredBy != "2003" || c.Charge.Extension != "" || c.MilliYen != 0 {
			t.Errorf("%+v", c)
		}
		if n := len(o.p.purse.book.Running()); n != 0 {
			t.Errorf("%d calls are still paid", n)
		}
	}, withMobile("2003", 0))
}

// Who clicks to call is rung at the mobile too: one key, and the office's number calls. Help cannot be called from there.
func TestCallBackToMobile(t *testing.T) {
	onStage(t, "mobile-call-back", func(o *stage) {
		alice, desk := o.phones["2001"], o.phones["2002"]
		o.click("2002", "2001")
		first := desk.Expect("INVITE")
		in := o.carrier.Expect("INVITE")
		m := side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 8 101")), false}
		o.carrier.Expect("ACK")
		m.inform("1")
		desk.Reply(first, 180, nil)
		calledOff(desk, first)
		called := alice.Expect("INVITE")
		if called.From().URI.User != "2002" || strings.Contains(written(called), "9012345678") {
			t.Errorf("the colleague is told %s", written(called))
		}
		b := side{alice, called, alice.Reply(called, 200, with(alice, "0 8 101")), false}
		alice.Expect("ACK")
		o.wait(time.Second)
		b.bye(m)
	}, withMobile("2002", 0))
}

// Bob calls from his mobile, gives his PIN and dials a colleague: she sees him, and his private number is nowhere. A stranger is not asked.
func TestCallThrough(t *testing.T) {
	onStage(t, "call-through", func(o *stage) {
		alice := o.phones["2001"]
		from := func(number string) *stack.Request {
			r := o.carrier.NewRequest("INVITE", simAnswered)
			r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
			r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: number, Host: "carrier.example"}}.WithTag("c"))
			o.carrier.Send(r)
			return r
		}
		r := from("+819012345678")
		m := side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true}
		o.carrier.Ack(r, m.resp)
		m.keys("4711#")
		o.wait(3 * time.Second)
		m.keys("2001#")
		in := alice.Expect("INVITE")
		if in.From().URI.User != "2002" || strings.Contains(written(in), "9012345678") {
			t.Errorf("the colleague is told %s", written(in))
		}
		b := side{alice, in, alice.Reply(in, 200, with(alice, "0 8 101")), false}
		alice.Expect("ACK")
		o.wait(time.Second)
		if !o.p.signalling.legs.busy("2002@" + simDomain) {
			t.Error("who talks by call-through is not busy")
		}
		b.bye(m)
		o.records("2002 > 2001 2001 200 OK by called")
		if o.p.signalling.legs.busy("2002@" + simDomain) {
			t.Error("who has talked by call-through stays busy")
		}
		r = from("+819012345678")
		m = side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true}
		o.carrier.Ack(r, m.resp)
		m.keys("4711#")
		o.wait(3 * time.Second)
		m.keys("09055556666#")
		in = o.carrier.Expect("INVITE")
		if in.URI.User != "+819055556666" || strings.Contains(written(in), "9012345678") {
			t.Errorf("the carrier is told %s", written(in))
		}
		o.carrier.Reply(in, 486, nil)
		o.gather(o.carrier, 2) // ACK, and why
		r = from("+819099999999")
		o.carrier.Ack(r, o.carrier.ExpectStatus(403, "INVITE"))
	}, withMobile("2002", 0), provisioning.DID{Number: simAnswered, CallThrough: true})
}

// The trunk that leads to the mobile is out of order: it rings by the next one, and is answered there.
func TestMobileBySecondTrunk(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, desk := o.phones["2001"], o.phones["2002"]
		spare := o.net.Phone(o.t, "spare", netip.MustParseAddrPort("192.0.2.51:5060"), o.proxy)
		o.air.speak(netip.AddrPortFrom(spare.Addr.Addr(), 4000), true)
		out := o.invite(alice, "2002", nil)
		first := rung(desk)
		alice.ExpectStatus(180, "INVITE")
		failed := o.carrier.Expect("INVITE")
		o.carrier.Reply(failed, 503, nil)
		o.carrier.Expect("ACK")
		in := spare.Expect("INVITE")
		if in.URI.User != "+819012345678" || in.From().URI.User != "+81312340009" {
			t.Errorf("the second carrier is told %s", written(in))
		}
		m := side{spare, in, spare.Reply(in, 200, with(spare, "0 8 101")), false}
		spare.Expect("ACK")
		m.inform("1")
		calledOff(desk, first)
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		o.wait(time.Second)
		m.bye(a)
		o.records("2001 > 2002 2002 200 OK by called")
		o.mu.Lock()
		if c := o.cdrs[0]; c.Trunk != "spare" || c.Charge.Extension != "2002" {
			t.Errorf("%+v", c)
		}
		o.mu.Unlock()
		out = o.invite(alice, "2002", nil)
		first = rung(desk)
		alice.ExpectStatus(180, "INVITE")
		busy := o.carrier.Expect("INVITE")
		o.carrier.Reply(busy, 486, nil) // its owner's word, as far as that goes: no other way leads past it
		o.carrier.Expect("ACK")
		spare.Silence(time.Second)
		desk.Reply(first, 486, nil)
		desk.Expect("ACK")
		alice.Ack(out, alice.ExpectStatus(486, "INVITE"))
	}, withMobile("2002", 0), provisioning.Trunk{Name: "spare", Host: "192.0.2.51:5060", Transport: "udp", Sources: []string{"192.0.2.51/32"}, Prefixes: []string{"0"}, Priority: 5,
		Media: "srtp-forbidden", CallerID: "+81312340009"})
}
