package relay

import (
	"math"
	"slices"
	"strings"
	"testing"

	"naisen/media"
	"naisen/media/codec/g711"
)

// keyFrames is "5" as tones for 80 ms, with silence around it, in G.711.
func keyFrames(law func([]byte, []int16) []byte) (out [][]byte) {
	for n := range 14 {
		pcm := make([]int16, 160)
		for k := range pcm {
			if s := float64(n*160+k) / 8000 * 2 * math.Pi; n >= 4 && n < 8 {
				pcm[k] = int16(6000*math.Sin(770*s) + 7000*math.Sin(1336*s))
			}
		}
		out = append(out, law(nil, pcm))
	}
	return out
}

// TestInBandKeys: tones count as keys only where no telephone-event was agreed, and are heard across the bridge all the same.
func TestInBandKeys(t *testing.T) {
	for _, codec := range []media.Codec{media.PCMU, media.PCMA} {
		for _, events := range []bool{false, true} {
			e, s := idle(t)
			p, l := newPhone(t), newLeg(t, e, media.Profile{Codecs: []media.Codec{codec}})
			offer, err := p.neg.Offer(want(media.SecurityForbidden))
			if err != nil {
				t.Fatal(err)
			}
			if !events {
				offer = withoutEvents(offer)
			}
			answer, err := l.Answer(offer, want(media.SecurityForbidden))
			if err != nil {
				t.Fatal(err)
			}
			a, err := p.neg.Accept(answer)
			if err != nil {
				t.Fatal(err)
			}
			p.take(a)
			s.obey(e.Now())
			ep, to := l.Endpoint.(*endpoint), addressOf(a.Remote)
			law := map[media.Codec]func([]byte, []int16) []byte{media.PCMU: g711.EncodeU, media.PCMA: g711.EncodeA}[codec]
			for _, payload := range keyFrames(law) {
				if errno := send(rawOf(t, p), p.packet(payload), &to); errno != 0 {
					t.Fatal(errno)
				}
				s.read(ep, channelRTP, e.Now())
			}
			var keys []media.Digit
			for len(l.events) > 0 {
				if d, ok := (<-l.events).(media.Digit); ok {
					keys = append(keys, d)
				}
			}
			if events && len(keys) != 0 || !events && (len(keys) != 1 || keys[0].Rune != '5') {
				t.Errorf("%s, telephone-event %v: %+v", codec, events, keys)
			}
		}
	}
}

// withoutEvents is the offer of a peer that knows no telephone-event.
func withoutEvents(d media.SDP) media.SDP {
	lines := strings.SplitAfter(string(d), "\n")
	lines = slices.DeleteFunc(lines, func(s string) bool {
		return strings.Contains(s, "telephone-event") || strings.HasPrefix(s, "a=fmtp:101")
	})
	return media.SDP(strings.ReplaceAll(strings.Join(lines, ""), " 101\r\n", "\r\n"))
}
