package main

import (
	"net/netip"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

const simInstance = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"

// secondDevice registers another device of 2004, and gives its GRUUs by the name of their parameter.
func (o *stage) secondDevice() (*siptest.Phone, map[string]sip.URI) {
	o.t.Helper()
	p := o.net.Phone(o.t, "2004", netip.MustParseAddrPort("192.0.2.44:5060"), o.proxy)
	p.Domain, p.Auth = simDomain, siptest.Digest("2004", "secret-2004")
	for range 50 { // its Call-IDs are not those of the other one of the same name
		p.Branch()
	}
	r := p.NewRequest("REGISTER", "")
	r.Set("Supported", "gruu, path")
	r.SetContact(sip.Address{URI: p.Contact()}.WithParam("+sip.instance", simInstance).WithParam("expires", "3600"))
	_, resp := p.Do(r)
	cs, err := resp.Contacts()
	if resp.Status != 200 || err != nil {
		o.t.Fatalf("REGISTER: %d, %v", resp.Status, err)
	}
	out := map[string]sip.URI{}
	for _, c := range cs {
		for _, kind := range []string{"pub-gruu", "temp-gruu"} {
			if text, ok := c.Params.Get(kind); ok {
				if out[kind], err = sip.ParseURI(text); err != nil {
					o.t.Fatal(err)
				}
			}
		}
	}
	o.names = append(o.names, "2004 b")
	o.wait(time.Second)
	o.quiet = time.Since(simStart) // the ladder begins after it
	return p, out
}

// TestTransferToAGRUU: the one device that a GRUU in Refer-To names rings, and no other of that extension (RFC 5627 section 4.4, RFC 5589
// section 5).
func TestTransferToAGRUU(t *testing.T) {
	for _, kind := range []string{"pub-gruu", "temp-gruu"} {
		t.Run(kind, func(t *testing.T) {
			onStage(t, "transfer-"+kind, func(o *stage) {
				alice, bob, beside := o.phones["2001"], o.phones["2002"], o.phones["2004"]
				device, gruus := o.secondDevice()
				a, b := o.talk(alice, bob, "2002")
				to := gruus[kind]
				a.refer(to.String())
				in := device.Expect("INVITE")
				c := side{device, in, device.Reply(in, 200, with(device, "0 8 101")), false}
				device.Expect("ACK")
				a.notified("200 OK")
				a.hungUp()
				c.bye(b)
				beside.Silence(time.Second)
			})
		})
	}
}

// TestTransferToADeadGRUU: what names no device any more is reported as 404, and both talk on.
func TestTransferToADeadGRUU(t *testing.T) {
	onStage(t, "transfer-gruu-dead", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		a.p.Send(a.referral("sip:tgruu.AAAA@" + simDomain + ";gr"))
		a.p.ExpectStatus(202, "REFER")
		a.notified("404 Not Found")
		a.bye(b)
	})
}

// TestAttendedTransferWithGRUU: Replaces names the dialog, whatever URI stands before it (RFC 5589 section 7.2).
func TestAttendedTransferWithGRUU(t *testing.T) {
	onStage(t, "transfer-attended-gruu", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		device, gruus := o.secondDevice()
		a, b := o.talk(bob, alice, "2001")
		out := o.invite(alice, "2004", func(r *stack.Request) { r.URI = gruus["pub-gruu"] })
		in := device.Expect("INVITE")
		a2, c := o.pickUp(side{alice, out, nil, true}, side{device, in, nil, false})
		to := gruus["pub-gruu"]
		b.refer(to.String() + "?Replaces=" + a2.named())
		a2.hungUp()
		b.notified("200 OK")
		b.hungUp()
		a.bye(c)
		o.phones["2004"].Silence(time.Second)
	})
}

// TestRedirectionToAGRUU: so does the Contact of a 302.
func TestRedirectionToAGRUU(t *testing.T) {
	onStage(t, "divert-gruu", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		device, gruus := o.secondDevice()
		out := o.invite(alice, "2002", nil)
		in := bob.Expect("INVITE")
		bob.Reply(in, 302, func(r *stack.Response) { r.SetContact(sip.Address{URI: gruus["temp-gruu"]}) })
		bob.Expect("ACK")
		moved := device.Expect("INVITE")
		a, c := o.pickUp(side{alice, out, nil, true}, side{device, moved, nil, false})
		a.bye(c)
		o.phones["2004"].Silence(time.Second)
	})
}
