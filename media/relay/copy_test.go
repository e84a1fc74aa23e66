package relay

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/secure"
)

// listener is a phone that only hears, and the leg towards it.
func listener(t testing.TB, e *Engine, s media.Security, codecs ...media.Codec) (*phone, testLeg) {
	t.Helper()
	p, l := newPhone(t, codecs...), newLeg(t, e, media.Profile{SecureSIP: true})
	p.called(l, media.Want{Security: s, Direction: media.SendOnly})
	return p, l
}

// What one side says comes to a third as well, whatever protects it, and what two say is as it was.
func TestCopy(t *testing.T) {
	for _, shards := range []int{1, 2} {
		for _, security := range []media.Security{media.SecurityForbidden, media.SecurityRequired} {
			for _, outside := range []media.Security{media.SecurityForbidden, media.SecurityRequired} {
				t.Run(fmt.Sprintf("shards %d, security %d and %d", shards, security, outside), func(t *testing.T) {
					e := engineFor(t, Config{Shards: shards})
					p, l := listener(t, e, outside)
					c := newCall(t, e, security, security)
					stop := c.la.Endpoint.(media.Copier).Copy(l.Endpoint)
					eventually(t, "both on one shard", func() bool {
						return l.Endpoint.(*endpoint).shard.Load() == c.la.Endpoint.(*endpoint).shard.Load()
					})
					c.exchange(t, 5)
					for i := range 5 {
						if got := p.hear(); !bytes.Equal(got.payload, frame('A', i)) || got.PayloadType != p.agreed.RecvPT {
							t.Fatalf("frame %d: % x", i, got.payload[:8])
						}
					}
					stop()
					c.exchange(t, 3)
					p.silence(20 * time.Millisecond)
				})
			}
		}
	}
}

// The copy is the endpoint's, not the bridge's: it goes along to another shard, and needs nobody to talk to.
func TestCopyFollows(t *testing.T) {
	e := engineFor(t, Config{Shards: 2})
	p, l := listener(t, e, media.SecurityForbidden)
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	c.la.Endpoint.(media.Copier).Copy(l.Endpoint)
	c.bridge.Leave(c.la.Endpoint)
	other := e.Bridge()
	for _, s := range e.shards {
		c.la.Endpoint.(*endpoint).rehome(s)
		if err := other.Join(c.la.Endpoint); err != nil {
			t.Fatal(err)
		}
		n := 0
		eventually(t, "heard on the other shard", func() bool {
			c.a.say(frame('A', n))
			n++
			_, ok := p.hearFor(5 * time.Millisecond)
			return ok
		})
		other.Leave(c.la.Endpoint)
		for ok := true; ok; {
			_, ok = p.hearFor(5 * time.Millisecond)
		}
	}
}

// An end of an earlier copy is none of a later one.
func TestCopyIsReplaced(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	p1, l1 := listener(t, e, media.SecurityForbidden)
	p2, l2 := listener(t, e, media.SecurityForbidden)
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	first := c.la.Endpoint.(media.Copier).Copy(l1.Endpoint)
	c.la.Endpoint.(media.Copier).Copy(l2.Endpoint)
	first()
	c.exchange(t, 2)
	p2.hear()
	p1.silence(20 * time.Millisecond)
	if err := l2.Close(); err != nil { // whom nobody told that the listener is gone
		t.Fatal(err)
	}
	c.exchange(t, 2)
	if stop := c.la.Endpoint.(media.Copier).Copy(c.la.Endpoint); stop == nil {
		t.Error("no stop")
	}
}

// Who takes another codec gets that.
func TestCopyTranslates(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	p, l := listener(t, e, media.SecurityForbidden, media.PCMA)
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	c.la.Endpoint.(media.Copier).Copy(l.Endpoint)
	c.exchange(t, 1)
	if got := p.hear(); bytes.Equal(got.payload, frame('A', 0)) || got.PayloadType != 8 {
		t.Errorf("% x as %d", got.payload[:8], got.PayloadType)
	}
	if s := c.bridge.String(); !strings.Contains(s, "<->") {
		t.Error(s)
	}
}

func TestNoAllocationPerCopy(t *testing.T) {
	for name, s := range map[string]media.Security{"RTP": media.SecurityForbidden, "SRTP": media.SecurityRequired} {
		t.Run(name, func(t *testing.T) {
			p, copied := newCopied(t, s)
			packets := make([][]byte, 0, 200)
			for i := range cap(packets) {
				packets = append(packets, p.a.packet(frame('A', i)))
			}
			var buf [2048]byte
			heard := 0
			one := func() {
				p.load(t, packets[:1])
				packets = packets[1:]
				p.shard.read(p.leg, channelRTP, p.engine.Now())
				p.empty(buf[:])
				heard += copied.empty(buf[:])
			}
			one()
			if n := testing.AllocsPerRun(100, one); n != 0 {
				t.Errorf("%v allocations per packet", n)
			}
			if heard != 102 {
				t.Errorf("heard %d", heard)
			}
		})
	}
}

// newCopied is a path whose speaker a third one hears.
func newCopied(t testing.TB, s media.Security) (p, copied *path) {
	p = newPath(t, s, secure.AESCM80, false)
	third, l := listener(t, p.engine, s)
	p.la.Endpoint.(media.Copier).Copy(l.Endpoint)
	p.shard.obey(p.engine.Now())
	return p, &path{sink: rawOf(t, third)}
}

// BenchmarkCopySRTP is BenchmarkRelaySRTP with a third who hears the speaker.
func BenchmarkCopySRTP(b *testing.B) {
	p, copied := newCopied(b, media.SecurityRequired)
	const batch = 64
	var buf [2048]byte
	packets := make([][]byte, batch)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += batch {
		b.StopTimer()
		for i := range packets {
			packets[i] = p.a.packet(frame('A', i))
		}
		p.load(b, packets)
		now := p.engine.Now()
		b.StartTimer()
		for range packets {
			p.shard.read(p.leg, channelRTP, now)
		}
		b.StopTimer()
		p.empty(buf[:])
		copied.empty(buf[:])
		b.StartTimer()
	}
}
