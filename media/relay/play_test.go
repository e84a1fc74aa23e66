package relay

import (
	"sync"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/rtp"
)

// tape is a Source of n frames; n < 0: endless.
type tape struct {
	codec media.Codec
	n, at int
}

func (s *tape) Codec() media.Codec { return s.codec }
func (s *tape) Next() ([]byte, bool) {
	if s.at == s.n {
		return nil, false
	}
	s.at++
	return frame('P', s.at), true
}

// witness is a tap that keeps copies.
type witness struct {
	mu     sync.Mutex
	frames []media.Frame
}

func (w *witness) Tap(f *media.Frame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := *f
	c.Payload = append([]byte(nil), f.Payload...)
	w.frames = append(w.frames, c)
}

func (w *witness) seen() []media.Frame {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]media.Frame(nil), w.frames...)
}

// follows fails unless b is the packet after a in one stream; gap says that time passed between the two.
func follows(t *testing.T, what string, a, b heard, gap bool) {
	t.Helper()
	step := b.Timestamp - a.Timestamp
	if b.SSRC != a.SSRC || b.Sequence != a.Sequence+1 || !gap && step != 160 || gap && (step < 160 || step > 8000) {
		t.Errorf("%s: %+v after %+v", what, b.Header, a.Header)
	}
}

func TestPlayBridgePlay(t *testing.T) {
	eachSecurity(t, func(t *testing.T, s media.Security) {
		e := engineFor(t, Config{Shards: 2})
		c := &call{a: newPhone(t), b: newPhone(t), bridge: e.Bridge()}
		c.la, c.lb = newLeg(t, e, media.Profile{SecureSIP: true}), newLeg(t, e, media.Profile{SecureSIP: true})
		w := &witness{}
		defer c.bridge.Attach(w)()
		if err := c.bridge.Join(c.la.Endpoint); err != nil {
			t.Fatal(err)
		}
		c.la.Play(&tape{media.PCMU, 10, 0}) // early media: before the negotiation is even complete
		c.a.calls(c.la, want(s), want(s))
		last := c.hearNotice(t)
		c.b.called(c.lb, want(s))
		c.join(t)
		for i := range 5 {
			c.b.say(frame('B', i))
			got := c.a.hear()
			follows(t, "talk", last, got, i == 0)
			last = got
		}
		last = c.hearPromptOver(t, last)
		c.b.say(frame('B', 9))
		got := c.a.hear()
		follows(t, "talk again", last, got, true)
		w.check(t, c, got.SSRC)
	})
}

// hearNotice hears ten frames at their pace and checks what the call is told of them.
func (c *call) hearNotice(t *testing.T) (last heard) {
	t.Helper()
	var first uint32
	start := time.Now()
	for i := range 10 {
		got := c.a.hear()
		if got.payload[4] != 'P' || got.payload[3] != byte(i+1) {
			t.Fatalf("frame %d: % x", i, got.payload[:8])
		}
		if i == 0 {
			first = got.Timestamp
		} else {
			follows(t, "notice", last, got, false)
		}
		last = got
	}
	if d := time.Since(start); d < 100*time.Millisecond {
		t.Errorf("ten frames took %v", d)
	}
	end := event[media.PlayEnded](t, c.la)
	if !end.Complete || end.Packets != 10 || end.FirstRTP != first || end.LastRTP != last.Timestamp || end.LastSequence != last.Sequence ||
		end.LastSequence-end.FirstSequence != 9 || end.SSRC != last.SSRC || end.EndedAt <= end.StartedAt {
		t.Errorf("PlayEnded %+v, last %+v", end, last.Header)
	}
	return last
}

// hearPromptOver plays over the other side's voice, which must not get through meanwhile, and stops.
func (c *call) hearPromptOver(t *testing.T, last heard) heard {
	t.Helper()
	stop := c.la.Play(&tape{media.PCMU, -1, 0})
	for i := range 5 {
		c.b.say(frame('B', i))
		got := c.a.hear()
		if got.payload[4] == 'B' && i > 0 {
			t.Fatal("the bridge is heard during a prompt")
		}
		follows(t, "prompt", last, got, true)
		last = got
	}
	stop()
	stop()
	if end := event[media.PlayEnded](t, c.la); end.Complete || end.Packets < 4 {
		t.Errorf("PlayEnded %+v", end)
	}
	for got, ok := c.a.hearFor(60 * time.Millisecond); ok; got, ok = c.a.hearFor(60 * time.Millisecond) {
		follows(t, "tail", last, got, true)
		last = got
	}
	return last
}

// check counts what the tap saw of TestPlayBridgePlay.
func (w *witness) check(t *testing.T, c *call, ssrc uint32) {
	t.Helper()
	played, voice := 0, 0
	for _, f := range w.seen() {
		switch {
		case f.Played && f.From == c.la.ID() && f.SSRC == ssrc && f.Payload[4] == 'P':
			played++
		case !f.Played && f.From == c.lb.ID() && f.Payload[4] == 'B' && f.SSRC == c.b.ssrc:
			voice++
		default:
			t.Errorf("strange frame %+v", f)
		}
	}
	if played < 14 || voice != 11 {
		t.Errorf("taps saw %d played and %d spoken", played, voice)
	}
}

func TestPlayReplacesPlay(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	p, l := newPhone(t), newLeg(t, e, media.Profile{})
	plain := want(media.SecurityForbidden)
	p.calls(l, plain, plain)
	stop := l.Play(&tape{media.PCMU, -1, 0})
	p.hear()
	l.Play(&tape{media.PCMA, 2, 0}) // the other law: translated
	stop()                          // of the one that is over already
	if end := event[media.PlayEnded](t, l); end.Complete || end.Packets < 1 {
		t.Errorf("the first: %+v", end)
	}
	if end := event[media.PlayEnded](t, l); !end.Complete || end.Packets != 2 {
		t.Errorf("the second: %+v", end)
	}
	l.Play(&tape{media.G722, 2, 0})
	if end := event[media.PlayEnded](t, l); end.Complete || end.Packets != 0 {
		t.Errorf("a codec that the leg has not: %+v", end)
	}
	l.Play(&tape{media.PCMU, -1, 0})
	_ = l.Close()
	if end := event[media.PlayEnded](t, l); end.Complete {
		t.Errorf("at Close: %+v", end)
	}
	l.Play(&tape{media.PCMU, -1, 0})
	event[media.PlayEnded](t, l)
}

// TestCommandsFollowTheMove: a Join may bring the endpoint to another shard; what is asked at the same moment must reach it there.
func TestCommandsFollowTheMove(t *testing.T) {
	e := engineFor(t, Config{Shards: 4})
	b := e.Bridge()
	first := newLeg(t, e, media.Profile{})
	if err := b.Join(first.Endpoint); err != nil {
		t.Fatal(err)
	}
	plain := want(media.SecurityForbidden)
	for range 20 {
		p, l := newPhone(t), newLeg(t, e, media.Profile{})
		p.calls(l, plain, plain)
		if err := b.Join(l.Endpoint); err != nil {
			t.Fatal(err)
		}
		l.Play(&tape{media.PCMU, 2, 0})
		if end := event[media.PlayEnded](t, l); !end.Complete || end.Packets != 2 {
			t.Errorf("%+v", end)
		}
		_ = l.Close()
	}
}

// press makes the packets of one key as phones send them: three updates and the end three times.
func press(p *phone, code byte) (packets [][]byte) {
	ts := p.ts
	for i, d := range []byte{1, 2, 3, 4, 4, 4} {
		b := []byte{code, 10, d, 0x40}
		if i >= 3 {
			b[1] |= 0x80
		}
		h := rtp.Header{Marker: i == 0, PayloadType: p.agreed.EventSendPT, Sequence: p.seq, Timestamp: ts, SSRC: p.ssrc}
		p.seq++
		packets = append(packets, p.seal(h.Append(make([]byte, 0, 64), b)))
	}
	p.ts += 160 * 8
	return packets
}

func TestDigitsRelayedAndToldOnce(t *testing.T) { // threats E14
	eachSecurity(t, func(t *testing.T, s media.Security) {
		e := engineFor(t, Config{Shards: 1})
		c := newCall(t, e, s, media.SecurityForbidden)
		w := &witness{}
		c.bridge.Attach(w)
		c.exchange(t, 2)
		var last heard
		for i, pkt := range press(c.a, 5) {
			c.a.send(pkt)
			got := c.b.hear()
			if got.PayloadType != c.b.agreed.EventRecvPT || got.payload[0] != 5 {
				t.Fatalf("heard %+v", got)
			}
			if i > 0 && (got.Timestamp != last.Timestamp || got.Sequence != last.Sequence+1) {
				t.Errorf("event time stands still: %+v after %+v", got.Header, last.Header)
			}
			last = got
		}
		if d := event[media.Digit](t, c.la); d.Rune != '5' || d.Duration != 136*time.Millisecond {
			t.Errorf("%+v", d)
		}
		c.a.say(frame('A', 3))
		if got := c.b.hear(); got.Timestamp != last.Timestamp+160*8 {
			t.Errorf("voice after the digit: %+v", got.Header)
		}
		for len(c.la.events) > 0 {
			if d, ok := (<-c.la.events).(media.Digit); ok {
				t.Errorf("a second digit %c", d.Rune)
			}
		}
		events := 0
		for _, f := range w.seen() {
			if f.Event {
				events++
			}
		}
		if events != 6 {
			t.Errorf("taps saw %d events", events)
		}
	})
}

func TestSendDigit(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	p, l := newPhone(t), newLeg(t, e, media.Profile{})
	plain := want(media.SecurityForbidden)
	p.calls(l, plain, plain)
	l.Play(&tape{media.PCMU, -1, 0})
	last := p.hear()
	for _, r := range "1#x" { // x is no digit
		l.SendDigit(r)
	}
	detector := rtp.NewEventDetector(firstClock)
	var got []rune
	for range 60 {
		h := p.hear()
		follows(t, "digits in the stream", last, heard{Header: rtp.Header{SSRC: h.SSRC, Sequence: h.Sequence, Timestamp: last.Timestamp + 160}}, false)
		last = h
		if h.PayloadType == p.agreed.EventRecvPT {
			for _, d := range detector.Packet(h.Header, h.payload, time.Now().UnixNano()) {
				got = append(got, d.Rune)
			}
		} else if len(got) == 2 {
			break
		}
	}
	if string(got) != "1#" {
		t.Errorf("heard %q", string(got))
	}
	for range 100 {
		l.SendDigit('0')
	}
	eventually(t, "bounded", func() bool { return e.Totals().DigitsDropped >= 60 })
}
