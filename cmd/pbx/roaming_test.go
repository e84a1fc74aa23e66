package main

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

var awayHost = netip.MustParseAddrPort("198.51.100.7:5060")

// outbound makes a telephone one that keeps its instance from network to network.
func outbound(p *siptest.Phone) {
	p.Instance, p.RegID = "urn:uuid:00000000-0000-1000-8000-000000002001", 1
	p.Register(3600)
}

// goesTo takes a telephone to another host.
func (o *stage) goesTo(p *siptest.Phone, at netip.AddrPort) {
	o.t.Helper()
	o.net.Host(p.Name+" away", at.Addr())
	o.names = append(o.names, p.Name+" away")
	pc, err := o.net.ListenPacket(at)
	if err != nil {
		o.t.Fatal(err)
	}
	p.Move(pc)
	o.air.speak(netip.AddrPortFrom(at.Addr(), 4000), true)
}

// A telephone goes from Wi-Fi to LTE in a call: it registers its new flow and says where it hears now. The far leg hears of nothing, and what comes later
// goes to where it is.
func TestPhoneRoams(t *testing.T) {
	onStage(t, "network-change", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		outbound(alice)
		a, b := o.talk(alice, bob, "2002")
		o.goesTo(alice, awayHost)
		alice.Register(3600)
		o.renewed(a)
		bob.Silence(3 * time.Second)
		b.bye(a)
		b, a = o.talk(bob, alice, "2001")
		a.bye(b)
		o.records("2001 > 2002 2002 200 OK by called", "2002 > 2001 2001 200 OK by called")
	})
}

// The same without a word of SDP: an UPDATE takes the dialog along too, and so does what its registration says, before any request of its own.
func TestPhoneRoamsQuietly(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		outbound(alice)
		a, b := o.talk(alice, bob, "2002")
		o.goesTo(alice, awayHost)
		alice.Register(3600)
		a.do("UPDATE", 200, nil)
		b.bye(a)
	})
}

// Whoever reads a call's tags from a lamp takes nothing of it: not as a stranger, not as another extension, not behind the same translation as the telephone,
// where a BYE alone would be believed. The telephone itself may come from anywhere, if it proves itself.
func TestNobodyTakesACallAlong(t *testing.T) {
	for name, methods := range map[string][]string{"from another host": {"INVITE", "UPDATE", "INFO", "REFER", "BYE"}, "from the same host": {"INVITE", "UPDATE", "INFO", "REFER"}} {
		t.Run(name, func(t *testing.T) {
			onStage(t, "", func(o *stage) {
				alice, bob, thief := o.phones["2001"], o.phones["2002"], o.phones["2003"]
				a, b := o.talk(alice, bob, "2002")
				if name == "from the same host" {
					pc, err := o.net.ListenPacket(netip.AddrPortFrom(alice.Addr.Addr(), 5099))
					if err != nil {
						t.Fatal(err)
					}
					thief.Move(pc)
				}
				for _, method := range methods {
					o.tries(thief, method, a)
				}
				alice.Silence(time.Second)
				bob.Silence(time.Second)
				if o.noted("another's call") == 0 {
					t.Error("nobody wrote down who tried")
				}
				o.goesTo(alice, awayHost)
				r := a.request("INVITE")
				r.SetBody("application/sdp", description(alice, "0 8 101"))
				proven, resp := alice.Do(r)
				if resp.Status != 200 {
					t.Fatalf("the telephone itself: %d", resp.Status)
				}
				alice.Ack(proven, resp)
				o.wait(time.Second)
				b.bye(a)
			})
		})
	}
}

// tries has a thief say something in a dialog of another's, with that one's tags, and then with its own password.
func (o *stage) tries(thief *siptest.Phone, method string, a side) {
	o.t.Helper()
	r := thief.InDialog(method, a.invite, a.resp)
	if method == "INVITE" {
		r.SetBody("application/sdp", description(thief, "0 8 101"))
	}
	r.Set("CSeq", "500 "+method)
	thief.Send(r)
	resp := thief.ExpectStatus(401, method)
	if method == "INVITE" {
		thief.Ack(r, resp)
	}
	again := thief.Again(r)
	if err := thief.Auth(again, resp); err != nil {
		o.t.Fatal(err)
	}
	thief.Send(again)
	if resp = thief.ExpectStatus(403, method); method == "INVITE" {
		thief.Ack(again, resp)
	}
}

// noted counts what the audit log has for a reason.
func (o *stage) noted(reason string) (n int) {
	for len(o.p.auditor.queue) > 0 {
		if e := <-o.p.auditor.queue; e.Detail["reason"] == reason || e.Reason == reason {
			n++
		}
	}
	return n
}

// A telephone that has changed its network calls help to where it is: by a new call, and by sending on the one that it took along.
func TestHelpFindsWhoRoams(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		outbound(alice)
		a, b := o.talk(alice, bob, "2002")
		o.goesTo(alice, awayHost)
		alice.Register(3600)
		o.renewed(a)
		a.refer("sip:119@" + simDomain)
		help := func() *stack.Request {
			t.Helper()
			in := o.carrier.Expect("INVITE")
			if got := in.From().URI.User; got != "+81312340000" {
				t.Errorf("help is called as %s", got)
			}
			return in
		}
		in := help()
		c := side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 101")), false}
		o.carrier.Expect("ACK")
		a.notified("200 OK")
		a.hungUp()
		o.wait(time.Second)
		b.bye(c)
		out := o.invite(alice, "110", nil)
		in = help()
		c = side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 101")), false}
		o.carrier.Expect("ACK")
		a = side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		o.wait(time.Second)
		a.bye(c)
	}, provisioning.Site{Name: "hall", EmergencyNumber: "+81366660000", Networks: []string{"192.0.2.0/24"}},
		provisioning.Site{Name: "annex", EmergencyNumber: "+81312340000", Networks: []string{"198.51.100.0/24"}})
}

// mapped asks by STUN how the switch sees a telephone (RFC 5626 section 4.4.2, RFC 8489 section 14.2).
func mapped(t *testing.T, p *siptest.Phone) netip.AddrPort {
	t.Helper()
	p.SendRaw(append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}, "transaction."...))
	b, _, ok := p.ReadRaw(siptest.Patience)
	for ; ok && b[0] >= 64; b, _, ok = p.ReadRaw(siptest.Patience) {
	}
	if !ok || len(b) < 32 || binary.BigEndian.Uint16(b[20:]) != 0x20 || b[25] != 1 {
		t.Fatalf("the answer to STUN: % x", b)
	}
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], binary.BigEndian.Uint32(b[28:])^0x2112A442)
	return netip.AddrPortFrom(netip.AddrFrom4(ip), binary.BigEndian.Uint16(b[26:])^0x2112)
}

// behind puts a telephone on UDP behind a NAT.
func (o *stage) behind(p *siptest.Phone, n *siptest.NAT, inside string) {
	o.t.Helper()
	pc, err := n.ListenPacket(netip.MustParseAddrPort(inside))
	if err != nil {
		o.t.Fatal(err)
	}
	p.Move(pc)
	o.air.speak(netip.AddrPortFrom(p.Addr.Addr(), 4000), true)
	p.Register(3600)
}

// proves asks for something, and is asked for the password first.
func (s side) proves(method string) {
	r := s.request(method)
	s.p.Send(r)
	resp := s.p.ExpectStatus(401, method)
	again := s.p.Again(r)
	if err := s.p.Auth(again, resp); err == nil { // who cannot gets no 200
		s.p.Send(again)
	}
	s.p.ExpectStatus(200, method)
}

// Telephones on UDP behind one NAT and behind two, of each kind, call each other both ways. The NAT forgets their mappings in a call, and nothing is signalled:
// a request of theirs takes the dialog to the new port, once they have said their password; STUN tells them, and the registration that follows brings what comes to them, old calls and new.
func TestPhonesBehindNATs(t *testing.T) {
	for _, c := range []struct {
		name  string
		kinds []siptest.Mapping
	}{
		{"one full cone", []siptest.Mapping{siptest.FullCone}},
		{"one symmetric", []siptest.Mapping{siptest.Symmetric}},
		{"two symmetric", []siptest.Mapping{siptest.Symmetric, siptest.Symmetric}},
		{"two of each kind", []siptest.Mapping{siptest.Symmetric, siptest.FullCone}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onStage(t, "", func(o *stage) {
				var nats []*siptest.NAT
				for i, kind := range c.kinds {
					nats = append(nats, siptest.NewNAT(o.net, netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)}), kind))
					defer nats[i].Close()
				}
				alice, bob := o.phones["2001"], o.phones["2002"]
				for _, p := range []*siptest.Phone{alice, bob} {
					p.Instance, p.RegID = "urn:uuid:00000000-0000-1000-8000-00000000"+p.Name, 1
				}
				near, far := nats[0], nats[len(nats)-1]
				o.behind(alice, near, "192.168.0.5:5060")
				o.behind(bob, far, "192.168.0.6:5060")
				a, b := o.talk(alice, bob, "2002")
				was := mapped(t, alice)
				for _, n := range nats {
					n.Rebind()
				}
				a.proves("INFO") // each by its new mapping, behind which there may be others
				b.proves("INFO")
				b.bye(a)
				if is := mapped(t, alice); is == was || is.Addr() != was.Addr() {
					t.Errorf("mapped to %s, before to %s", is, was)
				}
				alice.Register(3600)
				bob.Register(3600)
				b, a = o.talk(bob, alice, "2001")
				for _, n := range nats {
					n.Rebind()
				}
				alice.Register(3600)
				bob.Register(3600)
				a.bye(b)
			})
		})
	}
}

// interrupted is how often a call said that a connection is.
func (o *stage) interrupted() (n int) {
	o.library.mu.Lock()
	defer o.library.mu.Unlock()
	for _, name := range o.library.announced {
		if name == "call/interrupted" {
			n++
		}
	}
	return n
}

// played tells whether something is played to a telephone.
func (o *stage) played(p *siptest.Phone) bool {
	o.air.mu.Lock()
	defer o.air.mu.Unlock()
	return slices.ContainsFunc(o.air.endpoints, func(e *simEndpoint) bool {
		return e.closed == 0 && e.agreed != nil && e.agreed.Remote.Addr() == p.Addr.Addr() && e.play != nil
	})
}

// gone takes the network away from a mobile, and its voice: nobody is told.
func (m *smartphone) gone() {
	m.nats[m.at].Forget(m.conn)
	m.o.air.speak(netip.AddrPortFrom(m.inside(m.at).Addr(), 4000), false)
}

// A mobile has no network for twenty seconds. The other party is told, hears music, and has it back; the recording goes on throughout, and the record knows of one
// call that ended well.
func TestMobileOutage(t *testing.T) {
	onStage(t, "", func(o *stage) {
		o.air.lulls = true
		alice, bob := o.phones["2002"], o.phones["2001"] // calls of 2002 are recorded
		out := o.invite(alice, "2001", nil)
		in := bob.Expect("INVITE")
		b := side{bob, in, bob.Reply(in, 200, with(bob, "0 8 101")), false}
		bob.Expect("ACK")
		a := side{alice, out, alice.ExpectStatus(200, "INVITE"), true}
		alice.Ack(out, a.resp)
		o.wait(10 * time.Second)
		m := alice.Owner.(*smartphone)
		m.gone()
		o.wait(20 * time.Second)
		if n := o.interrupted(); n != 1 || !o.played(bob) {
			t.Errorf("told %d times; hears something: %v", n, o.played(bob))
		}
		bob.Silence(time.Second) // its signalling hears of nothing
		m.leaves()
		o.renewed(a)
		if o.played(bob) {
			t.Error("its party is back, and it hears music")
		}
		o.roamed++
		o.wait(8 * time.Second)
		b.bye(a)
		o.records("2002 > 2001 2001 200 OK by called")
		o.tape.mu.Lock()
		defer o.tape.mu.Unlock()
		if len(o.tape.recordings) != 1 {
			t.Fatalf("%d recordings", len(o.tape.recordings))
		}
		if r := o.tape.recordings[0]; r.stops != 1 || r.ended.Sub(r.at) < 39*time.Second {
			t.Errorf("recorded for %v, stopped %d times", r.ended.Sub(r.at), r.stops)
		}
	})
}

// One that does not come back loses its call after the limit, and the record says whose connection it was.
func TestMobileIsLost(t *testing.T) {
	onStage(t, "", func(o *stage) {
		o.air.lulls = true
		_, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		o.wait(10 * time.Second)
		o.phones["2001"].Owner.(*smartphone).gone()
		o.wait(25 * time.Second)
		b.p.Silence(time.Second)
		o.wait(10 * time.Second)
		bye := b.hungUp()
		if got, want := bye.Get("Reason"), `SIP;cause=200;text="Connection of the caller lost", Q.850;cause=27`; got != want {
			t.Errorf("Reason %s", got)
		}
		o.records("2001 > 2002 2002 200 Connection of the caller lost by switch")
	})
}
