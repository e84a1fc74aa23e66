package phones

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestLinphone: another make of phone, on UDP and plain RTP, signs in by SHA-256, MD5 being forbidden to it, and talks with a desk on TLS
// and SRTP: once it calls, once it is called.
func TestLinphone(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	put(t, p, "extensions/2001", map[string]any{"number": "2001", "display": "Linphone", "allow_md5": false, "max_contacts": 0, "media": "srtp-preferred",
		"disabled": false})
	l, err := peer.StartLinphone(t.TempDir(), peer.Phone{User: "2001", Domain: p.Domain, Password: p.Passwords["2001"], Proxy: p.UDP, Hz: carrierHz})
	must(t, err)
	t.Cleanup(func() {
		l.Stop()
		if t.Failed() {
			t.Logf("linphone said:\n%s", l.Output())
		}
	})
	said(t, p, `msg="bindings changed" aor=2001@`, 1)
	if log := l.Log(); !strings.Contains(log, "algorithm=SHA-256") {
		t.Error("it did not sign in by SHA-256")
	}
	b := desk(t, p, "2002", deskHz, true)
	must(t, l.Say("call sip:2002@"+p.Domain))
	established(t, b)
	must(t, l.Saw("Media streams established", 5*time.Second))
	must(t, l.Talk())
	talk(t, 4*time.Second)
	must(t, l.Say("terminate"))
	cdr := history(t, p, 1)[0]
	if cdr.Direction != "internal" || cdr.From != "2001" || cdr.To != "2002" || cdr.EndedBy != "caller" || cdr.Status != 200 {
		t.Errorf("CDR %+v", cdr)
	}
	must(t, l.Saw("Call 1 with sip:2002@"+p.Domain+" ended", 5*time.Second))
	pcm, err := l.Heard()
	must(t, err)
	onlyTone(t, "Linphone's ear", pcm, deskHz, 3*time.Second)
	if !strings.Contains(l.Log(), "Contact: <sip:2001@"+p.Domain+";gr=urn:uuid:") {
		t.Error("it did not call with its GRUU as Contact, so that nothing is shown here")
	}
	gruu := regexp.MustCompile(`pub-gruu="([^"]+)"`).FindStringSubmatch(l.Log()) // calls to it reach exactly this phone (RFC 5627)
	if gruu == nil {
		t.Fatal("it was given no GRUU")
	}
	must(t, b.Command("dial", gruu[1]))
	must(t, l.Saw("Receiving new incoming call", 5*time.Second))
	must(t, l.Say("answer"))
	must(t, peer.Until(5*time.Second, func() bool { return strings.Count(b.Output(), "Call established") == 2 }))
	must(t, b.Command("hangup", ""))
	if cdr := history(t, p, 2)[0]; cdr.From != "2002" || cdr.To != "2001" || cdr.AnsweredBy != "2001" || cdr.Status != 200 {
		t.Errorf("CDR %+v", cdr)
	}
	onlyTone(t, "desk's ear", firstCall(ear(t, b), cdr.TalkMS), carrierHz, 3*time.Second)
}

// firstCall cuts a phone's ear after its first call.
func firstCall(pcm []int16, talkMS int64) []int16 { return pcm[:min(len(pcm), int(talkMS)*rate/1000)] }
