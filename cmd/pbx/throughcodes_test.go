package main

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
)

// afar is 2002, who calls from his mobile by call-through, with more of the office.
func afar(more ...provisioning.Entity) []provisioning.Entity {
	return append([]provisioning.Entity{withMobile("2002", 0), provisioning.DID{Number: simAnswered, CallThrough: true},
		inPickup("2002", "counter"), inPickup("2003", "counter"), inPickup("2004", "cellar")}, more...)
}

// viaMobile is what is written of the call by which he came.
const viaMobile = "2002 > " + simAnswered + " through:" + simAnswered + " 200 Merged by caller"

// dialsThrough brings 2002's mobile up to the PIN, and dials.
func (o *stage) dialsThrough(keys string) side {
	o.t.Helper()
	r := o.carrier.NewRequest("INVITE", simAnswered)
	r.SetBody("application/sdp", description(o.carrier, "0 8 101"))
	r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+819012345678", Host: "carrier.example"}}.WithTag("c"))
	o.carrier.Send(r)
	m := side{o.carrier, r, o.carrier.ExpectStatus(200, "INVITE"), true}
	o.carrier.Ack(r, m.resp)
	m.keys("4711#")
	o.wait(3 * time.Second)
	m.keys(keys + "#")
	return m
}

// Nobody is at the counter's telephone: who is on the road dials in, and has the call that rings there. The telephone lists no missed one, and the caller
// sees the extension.
func TestThroughPicksUp(t *testing.T) {
	for name, code := range map[string]string{"call-through-pick-up": "*8", "call-through-pick-up-of": "**2003"} {
		t.Run(code, func(t *testing.T) {
			onStage(t, name, func(o *stage) {
				alice, counter := o.phones["2001"], o.phones["2003"]
				out := o.invite(alice, "2003", nil)
				in := rung(counter)
				alice.ExpectStatus(180, "INVITE")
				m := o.dialsThrough(code)
				if why := calledOff(counter, in); !strings.Contains(why, "SIP;cause=200") {
					t.Errorf("the counter was told %s", why)
				}
				a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
				alice.Ack(out, a.resp)
				if strings.Contains(written(a.resp), "9012345678") {
					t.Errorf("the caller is told %s", written(a.resp))
				}
				o.wait(time.Second)
				o.talking(2, 0)
				if !o.p.signalling.legs.busy("2002@" + simDomain) {
					t.Error("who has picked up is not busy")
				}
				a.bye(m)
				o.records("2001 > 2003 2002 200 OK by caller", viaMobile)
			}, afar()...)
		})
	}
}

// Nothing rings in the own group: that is said, and the call is over. Another group's is not to be had.
func TestThroughPicksNothingUp(t *testing.T) {
	for _, code := range []string{"*8", "**2004", "*36"} {
		t.Run(code, func(t *testing.T) {
			onStage(t, "", func(o *stage) {
				alice, cellar := o.phones["2001"], o.phones["2004"]
				out := o.invite(alice, "2004", nil)
				in := rung(cellar)
				alice.ExpectStatus(180, "INVITE")
				m := o.dialsThrough(code)
				m.hungUp()
				if got := o.library.heard(); !strings.HasSuffix(got, "feature/not-possible") {
					t.Errorf("heard %s", got)
				}
				cellar.Silence(time.Second)
				a, b := o.pickUp(side{alice, out, nil, true}, side{cellar, in, nil, false})
				a.bye(b)
			}, afar()...)
		})
	}
}

// He leaves his desk in the middle of a talk, and goes on by his mobile: one call, one record, the desk is free.
func TestThroughMovesHere(t *testing.T) {
	onStage(t, "call-through-move-here", func(o *stage) {
		alice, desk := o.phones["2001"], o.phones["2002"]
		out := o.invite(alice, "2002", nil)
		in := rung(desk)
		ringing := rung(o.carrier) // the mobile rings, too
		alice.ExpectStatus(180, "INVITE")
		a, d := o.pickUp(side{alice, out, nil, true}, side{desk, in, nil, false})
		calledOff(o.carrier, ringing)
		m := o.dialsThrough("*36")
		d.hungUp()
		o.wait(time.Second)
		a.bye(m)
		o.records("2001 > 2002 2002 200 OK by caller", viaMobile)
	}, afar()...)
}

// Who is parked is fetched from afar, and is not left in the slot; a slot where nobody is says so.
func TestThroughFetches(t *testing.T) {
	onStage(t, "call-through-slot", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2004"], "2004")
		a.refer("sip:701@" + simDomain)
		o.wait(3900 * time.Millisecond)
		a.notified("200 OK")
		a.hungUp()
		m := o.dialsThrough("701")
		o.wait(time.Second)
		o.emptyLot()
		m.bye(b)
		o.records("2001 > 2004 2004 200 OK by caller", viaMobile)
		m = o.dialsThrough("702")
		m.hungUp()
	}, afar(simLot())...)
}

// TestThroughShowsAnother: by *65 the far end sees the number that was chosen, the department's or the own one, and never the mobile's.
func TestThroughShowsAnother(t *testing.T) {
	own := provisioning.Extension{Number: "2002", Display: "Ext 1", AllowMD5: true, Media: "srtp-preferred", Department: "tax", CallerID: simPlain}
	for code, want := range map[string]string{"": simPlain, "*651": simPlain, "*652": simRecorded} {
		t.Run("code "+code, func(t *testing.T) {
			onStage(t, "", func(o *stage) {
				m := o.dialsThrough(code + "09055556666")
				in := o.carrier.Expect("INVITE")
				if in.URI.User != "+819055556666" || strings.Contains(written(in), "9012345678") || !strings.Contains(in.Get("From"), want) {
					t.Errorf("the far end is shown %s", written(in))
				}
				o.carrier.Reply(in, 200, with(o.carrier, "0 8 101"))
				o.carrier.Expect("ACK")
				o.wait(time.Second)
				o.carrier.Send(m.request("BYE"))
				o.carrier.Reply(o.gather(o.carrier, 2)["BYE"].Request, 200, nil)
			}, afar(listening(), provisioning.Department{Name: "tax", Numbers: []string{simRecorded}}, own)...)
		})
	}
	t.Run("another one's", func(t *testing.T) {
		onStage(t, "", func(o *stage) {
			m := o.dialsThrough("*65309055556666")
			m.hungUp() // no third number is his
		}, afar(listening(), provisioning.Department{Name: "tax", Numbers: []string{simRecorded}}, own)...)
	})
}
