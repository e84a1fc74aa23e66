package phones

import (
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// TestAfterAnswerInEnglish: one PUT, and the very next call is answered first, then told in English, then hears the ringing tone until the
// desk answers.
func TestAfterAnswerInEnglish(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	carrierHere(t, p)
	b := desk(t, p, "2001", deskHz, false)
	c := carrier(t, p)
	notice(t, p, "after-answer")
	rings(t, p, "en", "2001")
	must(t, c.Command("dial", "sip:"+did+"@"+p.Domain))
	must(t, c.Saw("Call established", 3*time.Second))
	if strings.Contains(b.Output(), "Incoming call") {
		t.Error("the desk rings before the caller was told")
	}
	must(t, b.Saw("Incoming call", 20*time.Second))
	talk(t, 4*time.Second)
	must(t, b.Command("accept", ""))
	established(t, b)
	talk(t, 4*time.Second)
	must(t, c.Command("hangup", ""))
	cdr := history(t, p, 1)[0]
	rec := stored(t, p, cdr.Recording)
	n := rec.Manifest.Notice
	if n == nil || n.Mode != "after-answer" || n.Language != "en" || n.Prompt != "notice/recording" || !n.Complete {
		t.Fatalf("notice receipt %+v", n)
	}
	told := time.Duration(n.Packets) * 20 * time.Millisecond
	if told < 3*time.Second || told > 11*time.Second {
		t.Errorf("told for %v: the Japanese one is 12.5 s", told)
	}
	pcm := ear(t, c)
	start, ok := steady(pcm, deskHz)
	if !ok {
		t.Fatal("the caller never heard the desk")
	}
	onlyTone(t, "caller's ear", pcm[start:], deskHz, 3500*time.Millisecond)
	speech, ring := pcm[:start], samplesIn(told)
	t.Logf("told for %v in English, heard the desk after %d ms, heard %v", told, start*1000/rate, stretches(pcm))
	if d := time.Duration(start)*time.Second/rate - told - 4*time.Second; d < -500*time.Millisecond || d > 1500*time.Millisecond {
		t.Errorf("notice of %v and 4 s of ringing took until %d ms", told, start*1000/rate)
	}
	if share := ringing(speech[:ring]); share > 0.3 {
		t.Errorf("%.0f %% of the notice is ringing tone", 100*share)
	}
	if share := ringing(speech[ring:]); share < 0.2 {
		t.Errorf("only %.0f %% of what followed the notice is ringing tone", 100*share)
	}
	left, right := listen(t, p, rec.ID)
	onlyTone(t, "left channel", left, carrierHz, 3500*time.Millisecond)
	onlyTone(t, "right channel", right, deskHz, 3500*time.Millisecond)
	onlyTone(t, "desk's ear", ear(t, b), carrierHz, 3500*time.Millisecond)
	verifiedLog(t, p)
}

func samplesIn(d time.Duration) int { return int(d * rate / time.Second) }

// ringing is the share of time in which 400 Hz, switched 16 times a second, is all that is heard.
func ringing(pcm []int16) float64 {
	const step = rate / 4
	found, all := 0, 0
	for at := 0; at+step <= len(pcm); at += step {
		all++
		level := 0.0
		for _, hz := range []float64{384, 400, 416} {
			level += mediatest.ToneIn(pcm[at:at+step], rate, hz)
		}
		if level > 0.85 {
			found++
		}
	}
	return float64(found) / float64(max(all, 1))
}

// verifiedLog: the audit log proves itself.
func verifiedLog(t *testing.T, p *peer.PBX) {
	t.Helper()
	out, err := p.Command(t.Context(), "", "audit", "verify", "--config", p.Dir+"/pbx.yaml")
	if err != nil || !strings.Contains(out, "entries good") {
		t.Errorf("audit verify: %v %s", err, out)
	}
}
