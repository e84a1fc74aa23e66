package phones

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// TestSuites: baresip offers each SRTP suite that it knows, the switch answers with that suite, and both phones hear each other: the called one through the
// switch's own offer, of which it takes the first line.
func TestSuites(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	library := filepath.Join(t.TempDir(), "suite.so")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", library, filepath.Join("testdata", "suite.c")).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	speaker := func(t *testing.T, user, suite string, hz float64) *peer.Baresip {
		return phone(t, peer.Phone{User: user, Domain: p.Domain, Password: p.Passwords[user], Proxy: p.TLS, Transport: "tls", Hz: hz, SRTP: true, Register: true,
			Answer: true, Env: []string{"LD_PRELOAD=" + library, "SDES_SUITE=" + suite}})
	}
	for _, number := range []string{"2003", "2004"} {
		p.Passwords[number] = extension(t, p, number)
	}
	for _, c := range []struct{ first, second, suite, other string }{
		{"2001", "2002", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"},
		{"2003", "2004", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"},
	} {
		t.Run(c.suite+" and "+c.other, func(t *testing.T) {
			t.Parallel()
			a, b := speaker(t, c.first, c.suite, deskHz), speaker(t, c.second, c.other, otherHz)
			ciphered(t, p, a, b, c.second, c.suite, deskHz, otherHz)
			ciphered(t, p, b, a, c.first, c.other, otherHz, deskHz)
		})
	}
}

// extension makes one and returns its password.
func extension(t *testing.T, p *peer.PBX, number string) string {
	t.Helper()
	status, answer, err := p.Do(t.Context(), "PUT", "extensions/"+number, map[string]any{"number": number, "display": number, "allow_md5": true})
	must(t, err)
	var made struct{ Secret string }
	if must(t, json.Unmarshal(answer, &made)); status != 201 || made.Secret == "" {
		t.Fatalf("PUT extensions/%s: %d", number, status)
	}
	return made.Secret
}

// ciphered lets one phone call another and fails unless the caller's leg has the suite that it offered, the called one's the first of the switch's offer, and
// each hears the other.
func ciphered(t *testing.T, p *peer.PBX, caller, called *peer.Baresip, number, suite string, callerHz, calledHz float64) {
	t.Helper()
	callerSaid, calledSaid := len(caller.Output()), len(called.Output())
	mine, theirs := heardSoFar(caller), heardSoFar(called)
	must(t, caller.Command("dial", "sip:"+number+"@"+p.Domain))
	if err := peer.Until(30*time.Second, func() bool { return sounds(caller, mine, calledHz) && sounds(called, theirs, callerHz) }); err != nil {
		t.Fatalf("%s: they do not hear each other: %v", suite, err)
	}
	must(t, caller.Command("hangup", ""))
	if err := peer.Until(10*time.Second, func() bool { return strings.Contains(called.Output()[calledSaid:], "session closed") }); err != nil {
		t.Fatalf("%s: the call does not end: %v", suite, err)
	}
	for who, leg := range map[string]struct{ said, suite string }{
		"calling": {caller.Output()[callerSaid:], suite},
		"called":  {called.Output()[calledSaid:], "AEAD_AES_128_GCM"},
	} {
		if !strings.Contains(leg.said, "SRTP is Enabled (cryptosuite="+leg.suite+")") {
			t.Errorf("%s offered: the %s phone's leg is not of %s:\n%s", suite, who, leg.suite, leg.said)
		}
	}
}

// sounds: half a second of the tone is the last that came from a phone's speaker, and a second came since it had heard so much.
func sounds(b *peer.Baresip, since int, hz float64) bool {
	pcm, err := b.Heard()
	return err == nil && len(pcm) > since+rate && mediatest.ToneIn(pcm[len(pcm)-rate/2:], rate, hz) > 0.8
}

// registered is a new binding of 2001.
var registered = regexp.MustCompile(`msg="bindings changed" aor=2001@.* added=1 `)

// TestLinphoneSuites: AES-CM with 256 bits and both tags (RFC 6188), which baresip has not: Linphone offers nothing else, and both hear each other.
func TestLinphoneSuites(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	b := desk(t, p, "2002", deskHz, true)
	for i, suite := range []string{"AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32"} {
		l, err := peer.StartLinphone(t.TempDir(), peer.Phone{User: "2001", Domain: p.Domain, Password: p.Passwords["2001"], Proxy: p.UDP, Hz: otherHz, Suites: suite})
		must(t, err)
		t.Cleanup(l.Stop)
		must(t, peer.Until(20*time.Second, func() bool { return len(registered.FindAllString(p.Output(), -1)) > i }))
		since := heardSoFar(b)
		must(t, l.Say("call sip:2002@"+p.Domain))
		must(t, l.Saw("Media streams established", 20*time.Second))
		must(t, l.Talk())
		if err := peer.Until(20*time.Second, func() bool { return sounds(b, since, otherHz) }); err != nil {
			t.Fatalf("%s: the desk does not hear it:\n%s", suite, l.Output())
		}
		talk(t, 2*time.Second)
		must(t, l.Say("terminate"))
		var calls struct {
			Items []struct {
				Legs []struct{ Number, Encryption string }
			}
		}
		history(t, p, i+1)
		get(t, p, "calls/history", &calls)
		for _, leg := range calls.Items[0].Legs {
			if leg.Number == "2001" && leg.Encryption != suite {
				t.Errorf("%s: the leg has %q", suite, leg.Encryption)
			}
		}
		must(t, l.Saw("ended", 5*time.Second))
		pcm, err := l.Heard()
		must(t, err)
		onlyTone(t, "Linphone's ear", pcm, deskHz, time.Second)
		l.Stop()
	}
}
