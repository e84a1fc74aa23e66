package phones

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// further makes an extension beside the two of the first run, of whom user is the owner ("": nobody).
func further(t *testing.T, p *peer.PBX, number, user string) {
	t.Helper()
	status, answer, err := p.Do(t.Context(), "PUT", "extensions/"+number, map[string]any{"number": number, "display": "Extension " + number, "user": user, "allow_md5": true})
	must(t, err)
	var made struct{ Secret string }
	if must(t, json.Unmarshal(answer, &made)); status != 201 || made.Secret == "" {
		t.Fatalf("PUT extensions/%s: %d", number, status)
	}
	p.Passwords[number] = made.Secret
}

// TestBlindTransfer: a desk sends its caller on by its transfer key (REFER), over TLS and SRTP, and is let go; the caller talks with the
// colleague. One call, one record.
func TestBlindTransfer(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	further(t, p, "2003", "")
	a, b, c := desk(t, p, "2001", deskHz, false), desk(t, p, "2002", otherHz, true), desk(t, p, "2003", carrierHz, true)
	must(t, a.Command("dial", "sip:2002@"+p.Domain))
	established(t, a, b)
	talk(t, 3*time.Second)
	must(t, b.Command("transfer", "sip:2003@"+p.Domain))
	established(t, c)
	must(t, b.Saw("terminated", 20*time.Second))
	talk(t, 4*time.Second)
	must(t, a.Command("hangup", ""))
	cdr := history(t, p, 1)[0]
	if cdr.From != "2001" || cdr.To != "2002" || cdr.EndedBy != "caller" || cdr.Status != 200 || cdr.TalkMS < 7000 {
		t.Errorf("CDR %+v", cdr)
	}
	kinds := stretches(ear(t, a))
	first, last := kinds[0], kinds[len(kinds)-1]
	if first.kind != "430" || first.windows < 24 || last.kind != "660" || last.windows < 32 {
		t.Errorf("the caller heard %v", kinds)
	}
	onlyTone(t, "the colleague", ear(t, c), deskHz, 3*time.Second)
}

// voiceOf is for how long a tone is there, alone or among others (Goertzel), in steps of 100 ms.
func voiceOf(pcm []int16, hz float64) (sum time.Duration) {
	for at := 0; at+window <= len(pcm); at += window {
		if mediatest.Amplitude(pcm[at:at+window], rate, hz) > 1000 {
			sum += 100 * time.Millisecond
		}
	}
	return sum
}

// TestAttendedTransfer: Linphone puts its caller on hold, asks a colleague and joins the two (REFER with Replaces). They hear each other over TLS
// and SRTP, and Linphone is let go by both calls.
func TestAttendedTransfer(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	further(t, p, "2003", "")
	l, err := peer.StartLinphone(t.TempDir(), peer.Phone{User: "2002", Domain: p.Domain, Password: p.Passwords["2002"], Proxy: p.UDP, Hz: carrierHz})
	must(t, err)
	t.Cleanup(func() {
		l.Stop()
		if t.Failed() {
			t.Logf("linphone said:\n%s", l.Output())
		}
	})
	said(t, p, `msg="bindings changed" aor=2002@`, 1)
	a, c := desk(t, p, "2001", deskHz, false), desk(t, p, "2003", otherHz, true)
	must(t, a.Command("dial", "sip:2002@"+p.Domain))
	must(t, l.Saw("Receiving new incoming call", 20*time.Second))
	must(t, l.Say("answer"))
	established(t, a)
	talk(t, time.Second)
	must(t, l.Say("pause"))
	said(t, p, "call: held", 1)
	talk(t, 2*time.Second)
	must(t, l.Say("call sip:2003@"+p.Domain))
	established(t, c)
	said(t, p, "call: talking", 2)
	must(t, l.Say("transfer 1 --to-call 2"))
	said(t, p, "call: attended transfer", 1)
	talk(t, 4*time.Second)
	must(t, a.Command("hangup", ""))
	calls := history(t, p, 2)
	for _, cdr := range calls {
		if cdr.Status != 200 || (cdr.From != "2001" || cdr.To != "2002") && (cdr.From != "2002" || cdr.To != "2003") {
			t.Errorf("CDR %+v", cdr)
		}
	}
	pcm := ear(t, a)
	kinds := stretches(pcm)
	if last := kinds[len(kinds)-1]; last.kind != "430" || last.windows < 30 || !slices.ContainsFunc(kinds, func(s stretch) bool { return s.kind == "sound" && s.windows >= 15 }) {
		t.Errorf("who was transferred heard %v, not music and then the colleague", kinds)
	}
	if d := longestTone(ear(t, c), deskHz); d < 3*time.Second {
		t.Errorf("the colleague heard the caller for %v", d)
	}
}
