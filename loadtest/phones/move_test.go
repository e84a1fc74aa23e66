package phones

import (
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// TestCallMove: who talks at a desk presses #79, and goes on at another telephone of the same extension, which rings meanwhile: the caller hears the one and
// then the other, and no music; there is one record. How long it heard neither is written down, as a figure: no bound is held on a machine that others use.
func TestCallMove(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	put(t, p, "settings/2002", map[string]any{"call_codes": true})
	a, b := desk(t, p, "2001", deskHz, false), desk(t, p, "2002", otherHz, true)
	must(t, a.Command("dial", "sip:2002@"+p.Domain))
	established(t, a, b)
	talk(t, 4*time.Second)
	pc := phone(t, peer.Phone{User: "2002", Domain: p.Domain, Password: p.Passwords["2002"], Proxy: p.UDP, Transport: "udp", Hz: carrierHz, Register: true, Answer: true})
	press(t, b, "#79")
	said(t, p, "call: moved", 1)
	established(t, pc)
	talk(t, 4*time.Second)
	must(t, a.Command("hangup", ""))
	if cdr := history(t, p, 1)[0]; cdr.From != "2001" || cdr.AnsweredBy != "2002" || cdr.Status != 200 || cdr.EndedBy != "caller" {
		t.Errorf("CDR %+v", cdr)
	}
	pcm := ear(t, a)
	t.Logf("call move: the caller heard neither telephone for %v", between(pcm, otherHz, carrierHz))
	heard(t, "who was talked with", pcm, "430 660", 3*time.Second)
}

// between is how long neither of two tones was heard, from the last time of the one to the first of the other, in steps of 20 ms.
func between(pcm []int16, before, after float64) time.Duration {
	const step = rate / 50
	last, first := 0, 0
	for at := 0; at+step <= len(pcm); at += step {
		w := pcm[at : at+step]
		switch {
		case mediatest.ToneIn(w, rate, before) > 0.8:
			last, first = at, 0
		case first == 0 && last > 0 && mediatest.ToneIn(w, rate, after) > 0.8:
			first = at
		}
	}
	return time.Duration(max(first-last-step, 0)) * time.Second / rate
}

func TestBetween(t *testing.T) {
	pcm := append(mediatest.Sine(rate, otherHz, 10000, 500), make([]int16, rate/5)...)
	pcm = append(pcm, mediatest.Sine(rate, carrierHz, 10000, 500)...)
	if d := between(pcm, otherHz, carrierHz); d < 160*time.Millisecond || d > 240*time.Millisecond {
		t.Errorf("200 ms are %v", d)
	}
}
