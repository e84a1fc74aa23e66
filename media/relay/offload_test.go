package relay

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"naisen/media"
	"naisen/media/rtp"
)

// rule is what a forwarder in the kernel would be given for one direction of a call in the clear: numbers and addresses, nothing that points anywhere.
// What a rule does not cover goes up to the shard, as everything does without one.
type rule struct {
	from, to     netip.AddrPort
	types        [128]uint8 // payload type out, by the one that came in; 255: none
	law          [256]uint8 // G.711 octet out, by the one that came in
	source, ssrc uint32     // of the stream in and out
	seq          uint16     // what is added to sequence numbers
	ts           uint32     // and to time stamps
}

// ruleOf reads the rule off the plan that the bridge published. False: the direction needs the shard, for a key, a tap, a mix, a codec, a prompt, or
// because nobody was learned yet. It runs on the shard.
func ruleOf(e *endpoint) (r rule, ok bool) {
	plan, in := e.route.Load(), e.leg.session
	if plan == nil || plan.hears == nil || plan.seat != nil || len(plan.taps) > 0 || in == nil || in.secure || !in.receives || in.tones {
		return rule{}, false
	}
	to := plan.hears
	out := to.leg.session
	if out == nil || out.secure || !out.sends || to.leg.busy() || !relays(in.audio, out.audio) {
		return rule{}, false
	}
	r = rule{from: e.leg.learn.current, to: to.leg.to.addrPort(), source: e.leg.stream.ssrc, ssrc: to.ssrc}
	for i := range r.types {
		if r.types[i] = 255; in.received[i] == in.audio {
			r.types[i] = out.agreed.SendPT
		}
	}
	for i := range r.law {
		r.law[i] = uint8(i)
	}
	if translate := translation(in.audio, out.audio); translate != nil {
		translate(r.law[:])
	}
	r.seq, r.ts, ok = to.leg.stamp.Shift(rtp.Source{Owner: e.serial, SSRC: r.source})
	return r, ok && usable(r.from) && usable(r.to)
}

// execute is all that the kernel would do with a packet, in place; false: it goes up as it came.
func (r *rule) execute(from netip.AddrPort, pkt []byte) bool {
	if from != r.from || len(pkt) < rtp.HeaderSize || pkt[0] != 0x80 || r.types[pkt[1]&127] == 255 || binary.BigEndian.Uint32(pkt[8:]) != r.source {
		return false
	}
	pkt[1] = pkt[1]&128 | r.types[pkt[1]&127]
	binary.BigEndian.PutUint16(pkt[2:], binary.BigEndian.Uint16(pkt[2:])+r.seq)
	binary.BigEndian.PutUint32(pkt[4:], binary.BigEndian.Uint32(pkt[4:])+r.ts)
	binary.BigEndian.PutUint32(pkt[8:], r.ssrc)
	for i, octet := range pkt[rtp.HeaderSize:] {
		pkt[rtp.HeaderSize+i] = r.law[octet]
	}
	return true
}

// ruleNow asks the leg's shard.
func ruleNow(l testLeg) (r rule, ok bool) {
	done := make(chan struct{})
	l.Endpoint.(*endpoint).command(func(_ *shard, e *endpoint, _ int64) {
		defer close(done)
		r, ok = ruleOf(e)
	})
	<-done
	return r, ok
}

// TestPlanIsPlain: what a bridge publishes for two legs in the clear is plain enough for a forwarder that knows nothing else: executed over the packets as they
// came it gives what the relay sent, octet for octet, also from one G.711 law to the other. Keys and taps need the relay.
func TestPlanIsPlain(t *testing.T) {
	for _, codec := range []media.Codec{media.PCMU, media.PCMA} {
		e := engineFor(t, Config{Shards: 1})
		c := &call{a: newPhone(t, media.PCMU), b: newPhone(t, codec), bridge: e.Bridge()}
		c.la, c.lb = newLeg(t, e, media.Profile{}), newLeg(t, e, media.Profile{})
		c.a.calls(c.la, want(media.SecurityForbidden), want(media.SecurityForbidden))
		c.b.calls(c.lb, want(media.SecurityForbidden), want(media.SecurityForbidden))
		c.join(t)
		if _, ok := ruleNow(c.la); ok {
			t.Error("a rule before anybody was heard")
		}
		c.a.say(frame('A', 0)) // the first packet pins the address and begins the stream: the shard's work
		c.b.hear()
		r, ok := ruleNow(c.la)
		if !ok || r.to != c.b.addr() {
			t.Fatalf("no rule: %+v", r)
		}
		for i := range 100 {
			pkt := c.a.packet(frame('A', i))
			c.a.send(pkt)
			_ = c.b.hear()
			sent := c.b.buf[:len(pkt)]
			if !r.execute(c.a.addr(), pkt) || !bytes.Equal(pkt, sent) {
				t.Fatalf("packet %d\nrule  % x\nrelay % x", i, pkt[:24], sent[:24])
			}
		}
		for name, pkt := range map[string][]byte{"another type": c.a.next(101, []byte{1, 10, 0, 160}, 0), "short": {0x80, 0}, "padded": append([]byte{0xa0}, frame('A', 0)...)} {
			if before := bytes.Clone(pkt); r.execute(c.a.addr(), pkt) || !bytes.Equal(pkt, before) {
				t.Errorf("%s: not left to the shard", name)
			}
		}
		if r.execute(c.b.addr(), c.a.packet(frame('A', 0))) {
			t.Error("a stranger's packet was forwarded")
		}
		detach := c.bridge.Attach(&silent{})
		if _, ok := ruleNow(c.la); ok {
			t.Error("a rule though a tap wants to see the packets")
		}
		detach()
		if _, ok := ruleNow(c.la); !ok {
			t.Error("no rule after the tap")
		}
	}
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityRequired, media.SecurityForbidden)
	c.exchange(t, 3)
	for _, l := range []testLeg{c.la, c.lb} {
		if _, ok := ruleNow(l); ok {
			t.Error("a rule where there are keys")
		}
	}
}
