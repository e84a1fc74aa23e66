package phones

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestHold: desk to desk over TLS and SRTP. The one on hold hears music and never the holder; after the resume both hear each other again.
func TestHold(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	a, b := desk(t, p, "2001", deskHz, false), desk(t, p, "2002", otherHz, true)
	must(t, a.Command("dial", "sip:2002@"+p.Domain))
	established(t, a, b)
	talk(t, 3*time.Second)
	must(t, a.Command("hold", ""))
	said(t, p, "call: held", 1)
	talk(t, 4*time.Second)
	if d := decoded(t, a); d > 5 {
		t.Errorf("the holder hears something %v s into its call, held after 3 s", d)
	}
	must(t, a.Command("resume", ""))
	said(t, p, "call: resumed", 1)
	talk(t, 3*time.Second)
	if d := decoded(t, a); d < 9 || d > 14 {
		t.Errorf("the holder's last packet is at %v s of its call of 10 s", d)
	}
	must(t, a.Command("hangup", ""))
	cdr := history(t, p, 1)[0]
	if cdr.Direction != "internal" || cdr.From != "2001" || cdr.To != "2002" || cdr.AnsweredBy != "2002" || cdr.EndedBy != "caller" || cdr.Status != 200 || cdr.Recording != "" {
		t.Errorf("CDR %+v", cdr)
	}
	if cdr.TalkMS < 10_000 || cdr.TalkMS > 14_000 {
		t.Errorf("talked %d ms", cdr.TalkMS)
	}
	heard(t, "the one on hold", ear(t, b), "890 sound 890", 2400*time.Millisecond)
	heard(t, "the holder until it held", ear(t, a), "430", 2400*time.Millisecond)
}

var decodedTime = regexp.MustCompile(`rx:.*?time = ([0-9.]+) sec`)

// decoded is how far the audio goes that a phone authenticated and decoded in its call, in seconds of RTP time. It stands for what the
// holder hears after the resume: baresip 1.0 stops writing that down once it held a call (baresip issue 1496).
func decoded(t *testing.T, b *peer.Baresip) (seconds float64) {
	t.Helper()
	text, err := b.Ask("audio_debug", "")
	must(t, err)
	m := decodedTime.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no time in %q", text)
	}
	seconds, err = strconv.ParseFloat(m[1], 64)
	must(t, err)
	return seconds
}
