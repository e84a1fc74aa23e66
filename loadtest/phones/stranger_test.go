package phones

import (
	"context"
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"naisen/media/codec/g711"
	"naisen/media/mediatest"
)

// TestStranger (threats E1, E2): somebody sends well-formed RTP with a voice of its own to every media port, from another machine
// from the first moment, and from the carrier's own address once the call stands. Nobody hears it, nobody loses anything by it.
func TestStranger(t *testing.T) {
	t.Parallel()
	p, first := newPBXAt(t, "")
	carrierHere(t, p)
	notice(t, p, "none")
	rings(t, p, "ja", "2001")
	b, c := desk(t, p, "2001", deskHz, true), carrier(t, p)
	elsewhere := spray(t, "127.0.0.9", first)
	must(t, c.Command("dial", "sip:"+did+"@"+p.Domain))
	established(t, b, c)
	talk(t, time.Second)
	neighbour := spray(t, "127.0.0.1", first)
	talk(t, 7*time.Second)
	must(t, c.Command("hangup", ""))
	sent := elsewhere() + neighbour()
	refused := 0.0
	for _, name := range []string{"naisen_media_stranger_total", "naisen_media_unauthentic_total"} {
		n, err := p.Metric(t.Context(), name)
		must(t, err)
		if n < 100 {
			t.Errorf("%s is %v: the stranger did not reach that leg", name, n)
		}
		refused += n
	}
	cdr := history(t, p, 1)[0]
	rec := stored(t, p, cdr.Recording)
	left, right := listen(t, p, rec.ID)
	least := time.Duration(cdr.TalkMS) * time.Millisecond * 97 / 100
	t.Logf("%d datagrams to %d ports, %v refused on the call's two; call of %d ms", sent, rtpPorts, refused, cdr.TalkMS)
	for _, ear := range []struct {
		what string
		pcm  []int16
		hz   float64
	}{{"left channel", left, carrierHz}, {"right channel", right, deskHz}, {"desk's ear", ear(t, b), carrierHz}, {"carrier's ear", ear(t, c), deskHz}} {
		onlyTone(t, ear.what, ear.pcm, ear.hz, least)
		share := float64(clean(ear.pcm, ear.hz)) / float64(cdr.TalkMS)
		t.Logf("%s: %.1f %% of the call is the right tone", ear.what, 100*share)
		if share < 0.97 {
			t.Errorf("%s: only %.1f %% of the call is the right tone", ear.what, 100*share)
		}
	}
}

// clean is for how many ms a tone stands alone.
func clean(pcm []int16, hz float64) (ms int) {
	const step = rate / 50
	for at := 0; at+step <= len(pcm); at += step {
		if mediatest.ToneIn(pcm[at:at+step], rate, hz) > 0.8 {
			ms += 20
		}
	}
	return ms
}

// spray sends RTP with otherHz to every media port of a switch, 50 packets a second each, until the returned function is called. That
// tells how many were sent.
func spray(t *testing.T, from string, first int) (stop func() int) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)})
	must(t, err)
	voice := g711.EncodeU(nil, mediatest.Sine(rate, otherHz, 16000, 2000))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var sent atomic.Int64
	go func() {
		defer close(done)
		defer conn.Close()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		pkt := make([]byte, 12, 172)
		pkt[0] = 0x80
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			binary.BigEndian.PutUint16(pkt[2:], uint16(n))
			binary.BigEndian.PutUint32(pkt[4:], uint32(160*n))
			copy(pkt[8:], "evil")
			at := 160 * n % (len(voice) - 160)
			body := append(pkt[:12], voice[at:at+160]...)
			for port := first; port < first+rtpPorts; port++ {
				if _, err := conn.WriteToUDP(body, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err == nil {
					sent.Add(1)
				}
			}
		}
	}()
	var once atomic.Bool
	end := func() int {
		if once.CompareAndSwap(false, true) {
			cancel()
			<-done
		}
		return int(sent.Load())
	}
	t.Cleanup(func() { end() })
	return end
}
