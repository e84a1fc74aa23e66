package relay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/mediatest"
	"naisen/media/rtp"
	"naisen/media/sdp"
)

const millisecond = int64(time.Millisecond)

// line is a transcoded call on real sockets in virtual time: what a says is heard at b.
type line struct {
	*path
	now int64
	enc codec.Encoder
}

// arrived is one packet as b got it.
type arrived struct {
	heard
	at int64
}

// newLine joins two phones that share no codec. ptime is what b wants to receive, ms.
func newLine(t testing.TB, from, to media.Codec, s media.Security, ptime int) *line {
	t.Helper()
	e, sh := idle(t)
	p := &path{engine: e, shard: sh, call: call{a: newPhone(t, from), b: newPhone(t, to), bridge: e.Bridge()}}
	p.b.neg = sdp.New(sdp.Config{Addr: loopback, Port: int(p.b.addr().Port()), Codecs: []media.Codec{to}, SecureSIP: true, SessionID: 1, Ptime: ptime})
	p.la, p.lb = newLeg(t, e, media.Profile{SecureSIP: true}), newLeg(t, e, media.Profile{SecureSIP: true})
	p.a.calls(p.la, want(s), want(s))
	p.b.calls(p.lb, want(s), want(s))
	p.join(t)
	sh.obey(e.Now())
	p.to, p.out, p.sink, p.leg = addressOf(p.a.agreed.Remote), rawOf(t, p.a), rawOf(t, p.b), p.la.Endpoint.(*endpoint)
	enc, err := codec.NewEncoder(from)
	if err != nil {
		t.Fatal(err)
	}
	return &line{path: p, now: e.Now(), enc: enc}
}

// frames encodes audio in pieces of 20 ms.
func (l *line) frames(pcm []int16) (out [][]byte) {
	n := l.enc.Rate() / 50
	for ; len(pcm) >= n; pcm = pcm[n:] {
		out = append(out, l.enc.Encode(nil, pcm[:n]))
	}
	return out
}

// packets gives frames the headers of a's stream.
func (l *line) packets(frames [][]byte) (out [][]byte) {
	for _, f := range frames {
		out = append(out, l.a.next(l.a.agreed.SendPT, f, uint32(codecOf[kindOf(l.la.Codec())].Clock()/50)))
	}
	return out
}

// run lets packets arrive as scheduled, and half a second more pass, and gives what b hears.
func (l *line) run(t testing.TB, packets [][]byte, arrivals []mediatest.Arrival) (got []arrived) {
	t.Helper()
	start, next := l.now, 0
	for end := int64(0); next < len(arrivals) || l.now < end; l.now += millisecond {
		for next < len(arrivals) && int64(arrivals[next].At) <= l.now-start {
			if errno := send(l.out, packets[arrivals[next].Index], &l.to); errno != 0 {
				t.Fatal(errno)
			}
			l.shard.read(l.leg, channelRTP, l.now)
			next, end = next+1, l.now+500*millisecond
			got = append(got, l.collect(t)...)
		}
		for range 10 {
			if l.now < l.shard.nextWork {
				break
			}
			l.shard.labour(l.now)
		}
		got = append(got, l.collect(t)...)
	}
	return got
}

func (l *line) collect(t testing.TB) (got []arrived) {
	t.Helper()
	var buf [2048]byte
	var from address
	for {
		n, errno := receive(l.sink, buf[:], &from)
		if errno != 0 {
			return got
		}
		pkt := bytes.Clone(buf[:n])
		if l.b.in != nil {
			var err error
			if pkt, err = l.b.in.UnprotectRTP(nil, pkt); err != nil {
				t.Fatal(err)
			}
		}
		h, err := rtp.Parse(pkt)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, arrived{heard{h, pkt[h.Start:h.End], from.addrPort()}, l.now})
	}
}

// audio checks that a stream is unbroken, and plays it by its timestamps: the result starts with the first packet.
func (l *line) audio(t testing.TB, got []arrived) (pcm []int16, rate int) {
	t.Helper()
	c := l.lb.Codec()
	dec, err := codec.NewDecoder(c)
	if err != nil {
		t.Fatal(err)
	}
	rate = dec.Rate()
	if len(got) == 0 {
		t.Fatal("nothing was heard")
	}
	for i, p := range got {
		if p.PayloadType != l.b.agreed.RecvPT {
			continue
		}
		if i > 0 && (p.SSRC != got[i-1].SSRC || p.Sequence != got[i-1].Sequence+1) {
			t.Fatalf("broken stream: %+v after %+v", p.Header, got[i-1].Header)
		}
		at := int(p.Timestamp-got[0].Timestamp) / (c.Clock() / 1000) * (rate / 1000)
		if at < len(pcm) {
			t.Fatalf("timestamps overlap by %d samples: %+v", len(pcm)-at, p.Header)
		}
		if at > len(pcm) && !p.Marker {
			t.Fatalf("timestamps step by %d samples without a marker: %+v", at-len(pcm), p.Header)
		}
		for len(pcm) < at {
			pcm = append(pcm, 0)
		}
		pcm = dec.Decode(pcm, p.payload)
	}
	return pcm, rate
}

// pause is the longest time between two packets.
func pause(got []arrived) (longest time.Duration) {
	for i := 1; i < len(got); i++ {
		longest = max(longest, time.Duration(got[i].at-got[i-1].at))
	}
	return longest
}

func pairs(f func(from, to media.Codec)) {
	for _, from := range []media.Codec{media.PCMU, media.PCMA, media.G722, media.Opus} {
		for _, to := range []media.Codec{media.PCMU, media.PCMA, media.G722, media.Opus} {
			if transcodes(kindOf(from), kindOf(to)) && !relays(kindOf(from), kindOf(to)) {
				f(from, to)
			}
		}
	}
}

// A tone goes through each pair of codecs, in clear and encrypted, over a good network and bad ones.
func TestTranscode(t *testing.T) {
	networks := []struct {
		name   string
		net    mediatest.Impairment
		gap    int // ms of the tone missing, at most
		played float64
	}{
		{"good", mediatest.Impairment{Delay: 20 * time.Millisecond}, 20, 0.98},
		{"reordered and doubled", mediatest.Impairment{Jitter: 50 * time.Millisecond, Duplicate: 0.2, Seed: 1}, 60, 0.95},
		{"jitter of 200 ms", mediatest.Impairment{Jitter: 200 * time.Millisecond, Seed: 2}, 100, 0.85},
		{"a tenth lost", mediatest.Impairment{Loss: 0.1, Seed: 3}, 60, 0.95},
	}
	pairs(func(from, to media.Codec) {
		for i, n := range networks {
			if i > 0 && (from == media.PCMA || to == media.PCMA) {
				continue // as PCMU
			}
			security := media.SecurityForbidden
			if i%2 == 1 {
				security = media.SecurityRequired
			}
			t.Run(fmt.Sprintf("%s to %s, %s", from, to, n.name), func(t *testing.T) {
				l := newLine(t, from, to, security, 20)
				packets := l.packets(l.frames(mediatest.Sine(l.enc.Rate(), 700, 9000, 3000)))
				got := l.run(t, packets, n.net.Schedule(len(packets), 20*time.Millisecond))
				pcm, rate := l.audio(t, got)
				pcm = pcm[rate/2:] // the delay was found by now
				if g := mediatest.Gaps(pcm, rate, 700, n.gap+1); len(g) != 0 {
					t.Errorf("gaps %v", g)
				}
				if p := pause(got); p > 100*time.Millisecond {
					t.Errorf("no packet for %v", p)
				}
				if a := mediatest.Amplitude(pcm[:rate], rate, 700); a < 9000*0.6 {
					t.Errorf("amplitude %.0f", a)
				}
				if ms := len(pcm)*1000/rate + 500; float64(ms) < 3000*n.played || ms > 3700 {
					t.Errorf("%d ms of 3000", ms)
				}
				if s := l.bridge.String(); !strings.Contains(s, "(transcode at ") || !strings.Contains(s, string(from)) {
					t.Error(s)
				}
			})
		}
	})
}

// 40 % loss: the listener has an unbroken stream in which most of the tone is.
func TestTranscodeHeavyLoss(t *testing.T) {
	arrivals := mediatest.Impairment{Loss: 0.4, Seed: 11}.Schedule(200, 20*time.Millisecond)
	run := 0 // ms lost in a row, at most
	for i := 1; i < len(arrivals); i++ {
		run = max(run, 20*(arrivals[i].Index-arrivals[i-1].Index-1))
	}
	pairs(func(from, to media.Codec) {
		if from == media.PCMA || to == media.PCMA {
			return // as PCMU
		}
		l := newLine(t, from, to, media.SecurityForbidden, 20)
		packets := l.packets(l.frames(mediatest.Sine(l.enc.Rate(), 700, 9000, 4000)))
		got := l.run(t, packets, arrivals)
		pcm, rate := l.audio(t, got)
		if p := pause(got); p > 100*time.Millisecond {
			t.Errorf("%s to %s: no packet for %v", from, to, p)
		}
		gap := run + 60
		if from == media.Opus {
			gap = run + 150 // its decoder comes back by degrees
		}
		if g := mediatest.Gaps(pcm, rate, 700, gap); len(g) != 0 {
			t.Errorf("%s to %s: %v, with %d ms lost in a row", from, to, g, run)
		}
		if n := l.engine.Totals(); n.Transcoded < 190 || n.Concealed < 60 {
			t.Errorf("%s to %s: %+v", from, to, n)
		}
	})
}

// The speaker's stream does what streams do: sequence and timestamp wrap with loss around it, SRTP rolls over, the SSRC changes, a timestamp
// jumps, another SSRC collides. The listener's goes on.
func TestTranscodeStreamEvents(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(p *phone, i int)
	}{
		{"wrap with loss", func(p *phone, i int) {
			if i == 0 {
				p.seq, p.ts = 65536-60, 1<<32-1-70*160
			}
		}},
		{"new SSRC", func(p *phone, i int) {
			if i == 60 {
				p.ssrc, p.seq, p.ts = p.ssrc+1, 9, 77
			}
		}},
		{"timestamp forward", func(p *phone, i int) {
			if i == 60 {
				p.ts += 1_000_000
			}
		}},
		{"timestamp back", func(p *phone, i int) {
			if i == 60 {
				p.ts -= 1_000_000
			}
		}},
		{"sequence jump", func(p *phone, i int) {
			if i == 60 {
				p.seq += 20_000
			}
		}},
	} {
		for _, s := range []media.Security{media.SecurityForbidden, media.SecurityRequired} {
			if s == media.SecurityRequired && c.name == "sequence jump" {
				continue // it is a replay or a roll-over, which no peer does
			}
			t.Run(fmt.Sprintf("%s %d", c.name, s), func(t *testing.T) {
				l := newLine(t, media.PCMU, media.G722, s, 20)
				var packets [][]byte
				for i, f := range l.frames(mediatest.Sine(8000, 700, 9000, 3000)) {
					c.do(l.a, i)
					packets = append(packets, l.packets([][]byte{f})...)
				}
				var arrivals []mediatest.Arrival
				for i := range packets {
					if i != 57 && i != 59 && i != 61 && i != 62 {
						arrivals = append(arrivals, mediatest.Arrival{Index: i, At: time.Duration(i) * 20 * time.Millisecond})
					}
				}
				got := l.run(t, packets, arrivals)
				pcm, rate := l.audio(t, got)
				if g := mediatest.Gaps(pcm, rate, 700, 100); len(g) != 0 || pause(got) > 100*time.Millisecond {
					t.Errorf("gaps %v, longest pause %v", g, pause(got))
				}
				if ms := len(pcm) * 1000 / rate; ms < 2900 || ms > 3200 {
					t.Errorf("%d ms", ms)
				}
			})
		}
	}
}

// The listener gets packets of the length that it wants, with as many ticks.
func TestTranscodePacketTimes(t *testing.T) {
	for _, c := range []struct {
		from, to    media.Codec
		wants, gets int
	}{{media.G722, media.PCMU, 10, 10}, {media.G722, media.PCMA, 30, 30}, {media.PCMU, media.G722, 60, 60}, {media.Opus, media.PCMU, 50, 50}, {media.PCMU, media.Opus, 40, 40}, {media.G722, media.Opus, 30, 20}} {
		l := newLine(t, c.from, c.to, media.SecurityForbidden, c.wants)
		packets := l.packets(l.frames(mediatest.Sine(l.enc.Rate(), 700, 9000, 1200)))
		got := l.run(t, packets, mediatest.Impairment{}.Schedule(len(packets), 20*time.Millisecond))
		pcm, rate := l.audio(t, got)
		if n := codec.Samples(c.to, got[3].payload, 8000) / 8; n != c.gets || time.Duration(got[4].at-got[3].at) != time.Duration(c.gets)*time.Millisecond {
			t.Errorf("%+v: packets of %d ms every %v", c, n, time.Duration(got[4].at-got[3].at))
		}
		if g := mediatest.Gaps(pcm, rate, 700, 21); len(g) != 0 {
			t.Errorf("%+v: %v", c, g)
		}
	}
}

// Silence is a gap, or comfort noise where the speaker says so; the voice after it starts with a marker.
func TestTranscodeSilence(t *testing.T) {
	for _, noise := range []bool{false, true} {
		l := newLine(t, media.PCMU, media.G722, media.SecurityForbidden, 20)
		frames := l.frames(mediatest.Sine(8000, 700, 9000, 1000))
		packets := l.packets(frames)
		cn := l.a.next(13, []byte{40}, 160)
		l.a.ts += 2000*8 - 160
		packets = append(packets, cn)
		packets = append(packets, l.packets(frames)...)
		var arrivals []mediatest.Arrival
		for i := range packets {
			at := time.Duration(i) * 20 * time.Millisecond
			if i > 50 {
				at += 1980 * time.Millisecond
			}
			if i != 50 || noise {
				arrivals = append(arrivals, mediatest.Arrival{Index: i, At: at})
			}
		}
		got := l.run(t, packets, arrivals)
		pcm, rate := l.audio(t, got)
		between := pcm[rate*3/2 : rate*5/2]
		if power := mediatest.Power(between); noise != (power > 10_000) || power > 200_000 {
			t.Errorf("noise %v: power %.0f", noise, power)
		}
		if longest := pause(got); noise != (longest < 100*time.Millisecond) {
			t.Errorf("noise %v: no packet for %v", noise, longest)
		}
		if level := mediatest.ToneIn(pcm[rate*16/5:rate*19/5], rate, 700); level < 0.9 {
			t.Errorf("noise %v: voice after the silence: %.3f", noise, level)
		}
	}
}

// A digit between clocks: its own timestamp, durations on the listener's clock, one press.
func TestTranscodeDigits(t *testing.T) {
	for _, c := range []struct{ from, to media.Codec }{{media.PCMU, media.Opus}, {media.Opus, media.PCMU}, {media.G722, media.PCMU}} {
		l := newLine(t, c.from, c.to, media.SecurityForbidden, 20)
		frames := l.frames(mediatest.Sine(l.enc.Rate(), 700, 9000, 400))
		packets := l.packets(frames)
		clock := l.a.agreed.EventClock
		press, _ := rtp.NewEvent('7', 200*time.Millisecond, clock)
		begun := l.a.ts
		for {
			payload, marker, ok := press.Next()
			if !ok {
				break
			}
			h := rtp.Header{Marker: marker, PayloadType: l.a.agreed.EventSendPT, Sequence: l.a.seq, Timestamp: begun, SSRC: l.a.ssrc}
			l.a.seq++
			packets = append(packets, h.Append(make([]byte, 0, 100), payload))
		}
		l.a.ts = begun + uint32(clock/50*13)
		packets = append(packets, l.packets(frames)...)
		got := l.run(t, packets, mediatest.Impairment{}.Schedule(len(packets), 20*time.Millisecond))
		detector := rtp.NewEventDetector(l.b.agreed.EventClock)
		var presses []rtp.Press
		var stamps []uint32
		for i, p := range got {
			if i > 0 && p.Sequence != got[i-1].Sequence+1 {
				t.Errorf("%v: sequence %d after %d", c, p.Sequence, got[i-1].Sequence)
			}
			if p.PayloadType != l.b.agreed.EventRecvPT {
				continue
			}
			if len(stamps) == 0 && !p.Marker {
				t.Errorf("%v: no marker on the first packet of the digit", c)
			}
			stamps = append(stamps, p.Timestamp)
			presses = append(presses, detector.Packet(p.Header, p.payload, p.at)...)
			if d := binary.BigEndian.Uint16(p.payload[2:]); int(d)*50%l.b.agreed.EventClock != 0 {
				t.Errorf("%v: duration %d on a clock of %d", c, d, l.b.agreed.EventClock)
			}
		}
		if len(presses) != 1 || presses[0].Rune != '7' || presses[0].Duration != 200*time.Millisecond || len(stamps) != 12 {
			t.Errorf("%v: %v in %d packets", c, presses, len(stamps))
		}
		for _, ts := range stamps {
			if ts != stamps[0] {
				t.Errorf("%v: timestamps %v", c, stamps)
				break
			}
		}
		l.audio(t, got)
	}
}

func TestTranscodeNoAllocations(t *testing.T) {
	for _, c := range []struct{ from, to media.Codec }{{media.PCMU, media.G722}, {media.G722, media.PCMA}, {media.Opus, media.PCMU}, {media.PCMU, media.Opus}} {
		l := newLine(t, c.from, c.to, media.SecurityRequired, 20)
		packets := l.packets(l.frames(mediatest.Sine(l.enc.Rate(), 700, 9000, 8000)))
		var buf [2048]byte
		i := 0
		one := func() {
			if errno := send(l.out, packets[i], &l.to); errno != 0 {
				t.Fatal(errno)
			}
			i++
			l.shard.read(l.leg, channelRTP, l.now)
			for range 20 {
				l.now += millisecond
				if l.now >= l.shard.nextWork {
					l.shard.labour(l.now)
				}
			}
			l.empty(buf[:])
		}
		for range 50 {
			one()
		}
		if n := testing.AllocsPerRun(200, one); n != 0 {
			t.Errorf("%s to %s: %v allocations a packet", c.from, c.to, n)
		}
	}
}
