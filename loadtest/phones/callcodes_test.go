package phones

import (
	"encoding/json"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// press presses keys as a telephone without any other means does (RFC 4733).
func press(t *testing.T, b *peer.Baresip, keys string) {
	t.Helper()
	for _, key := range keys {
		must(t, b.Command("sndcode", string(key)))
		talk(t, 400*time.Millisecond)
	}
}

// threeDesks are 2001 and 2002 over TLS and SRTP, who has codes, and 2003 without either; each answers at once but 2001.
func threeDesks(t *testing.T, p *peer.PBX) (a, b, c *peer.Baresip) {
	t.Helper()
	status, answer, err := p.Do(t.Context(), "PUT", "extensions/2003", map[string]any{"number": "2003", "display": "Third", "allow_md5": true})
	must(t, err)
	var made struct{ Secret string }
	if must(t, json.Unmarshal(answer, &made)); status != 201 || made.Secret == "" {
		t.Fatalf("PUT extensions/2003: %d", status)
	}
	put(t, p, "settings/2002", map[string]any{"call_codes": true})
	return desk(t, p, "2001", deskHz, false), desk(t, p, "2002", otherHz, true), phone(t, peer.Phone{User: "2003", Domain: p.Domain, Password: made.Secret,
		Proxy: p.UDP, Transport: "udp", Hz: carrierHz, Register: true, Answer: true})
}

// TestCallCodes: a desk without a transfer key presses ## and a number while it talks: whom it talked with hears music, and then whom it was sent
// to, here the echo test. Then it parks its caller by #72, hears the slot, is let go, and dials it.
func TestCallCodes(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	put(t, p, "settings/2002", map[string]any{"call_codes": true})
	put(t, p, "parking-lots/700", map[string]any{"number": "700", "title": "Desk", "first_slot": "701"})
	a, b := desk(t, p, "2001", deskHz, false), desk(t, p, "2002", otherHz, true)
	must(t, a.Command("dial", "sip:2002@"+p.Domain))
	established(t, a, b)
	talk(t, 4*time.Second)
	press(t, b, "##")
	said(t, p, "call: code", 1)
	talk(t, 3*time.Second)
	press(t, b, "*43#")
	said(t, p, "call: script", 1)
	talk(t, 12*time.Second)
	must(t, a.Command("hangup", ""))
	if cdr := history(t, p, 1)[0]; cdr.From != "2001" || cdr.AnsweredBy != "2002" || cdr.Status != 200 || cdr.EndedBy != "caller" {
		t.Errorf("CDR %+v", cdr)
	}
	must(t, a.Command("dial", "sip:2002@"+p.Domain))
	said(t, p, "call: talking", 2)
	talk(t, 4*time.Second)
	press(t, b, "#72")
	said(t, p, "call: script", 2)
	talk(t, 6*time.Second)
	must(t, b.Command("dial", "sip:701@"+p.Domain))
	said(t, p, "call: talking", 3)
	talk(t, 4*time.Second)
	must(t, a.Command("hangup", ""))
	if cdr := history(t, p, 2)[0]; cdr.From != "2001" || cdr.AnsweredBy != "2002" || cdr.Status != 200 || cdr.EndedBy != "caller" {
		t.Errorf("CDR %+v", cdr)
	}
	heard(t, "who was sent on and parked", ear(t, a), "430 sound 890 430 sound 430", 2*time.Second)
}

// TestConsultByKeys: a desk presses #70 and asks a third one while its caller hears music, and connects the two by hanging up.
func TestConsultByKeys(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	a, b, c := threeDesks(t, p)
	must(t, a.Command("dial", "sip:2002@"+p.Domain))
	established(t, a, b)
	talk(t, 4*time.Second)
	press(t, b, "#70")
	said(t, p, "call: code", 1)
	talk(t, 3*time.Second)
	press(t, b, "2003#")
	established(t, c)
	talk(t, 5*time.Second)
	must(t, b.Command("hangup", ""))
	said(t, p, "call: talking", 3)
	talk(t, 5*time.Second)
	must(t, a.Command("hangup", ""))
	heard(t, "who waited", ear(t, a), "430 sound 660", 2*time.Second)
	heard(t, "who was asked", ear(t, c), "430 890", 3*time.Second)
	records := history(t, p, 2)
	for _, cdr := range records {
		if want := map[string]string{"2001": "2002", "2002": "2003"}[cdr.From]; cdr.AnsweredBy != want || cdr.Status != 200 || cdr.EndedBy != "caller" {
			t.Errorf("CDR %+v", cdr)
		}
	}
}

// TestThreeByKeys: it asks the third one and brings all together by #73: each hears both others and not itself. Then it hangs up, and the two talk on.
func TestThreeByKeys(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	a, b, c := threeDesks(t, p)
	must(t, a.Command("dial", "sip:2002@"+p.Domain))
	established(t, a, b)
	talk(t, 2*time.Second)
	press(t, b, "#702003#")
	established(t, c)
	talk(t, 2*time.Second)
	press(t, b, "#73")
	said(t, p, "call: three talk", 1)
	talk(t, 5*time.Second)
	must(t, b.Command("hangup", ""))
	said(t, p, "call: two are left", 1)
	talk(t, 4*time.Second)
	must(t, a.Command("hangup", ""))
	tones := []float64{deskHz, otherHz, carrierHz}
	for i, x := range []*peer.Baresip{a, b, c} {
		pcm := ear(t, x)
		alone := 0 * time.Second // at the end
		if x != b {
			alone = 4 * time.Second
			last := pcm[max(len(pcm)-3*rate, 0):max(len(pcm)-rate/2, 0)]
			onlyTone(t, "who talks on", last, []float64{carrierHz, 0, deskHz}[i], 2*time.Second)
		}
		end := len(pcm) - int(alone.Seconds())*rate - rate
		pcm = pcm[max(end-2*rate, 0):max(end, 0)] // all three talked
		for j, hz := range tones {
			if amp := mediatest.Amplitude(pcm, rate, hz); (i != j) != (amp > 1000) || i == j && amp > 300 {
				t.Errorf("phone %d hears %v Hz, of phone %d, at %.0f", i, hz, j, amp)
			}
		}
	}
}

// TestThreeOfTwoLines: a telephone with two lines and no mixer holds its caller, calls the third one itself, and joins the two calls by #73.
func TestThreeOfTwoLines(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	a, b, c := threeDesks(t, p)
	must(t, a.Command("dial", "sip:2002@"+p.Domain))
	established(t, a, b)
	talk(t, 2*time.Second)
	must(t, b.Command("hold", ""))
	said(t, p, "call: held", 1)
	must(t, b.Command("dial", "sip:2003@"+p.Domain))
	established(t, c)
	talk(t, 2*time.Second)
	press(t, b, "#73")
	said(t, p, "call: three talk", 1)
	talk(t, 5*time.Second)
	must(t, a.Command("hangup", ""))
	said(t, p, "call: two are left", 1)
	must(t, c.Command("hangup", ""))
	pcm := ear(t, a)
	pcm = pcm[max(len(pcm)-3*rate, 0):max(len(pcm)-rate/2, 0)]
	for hz, here := range map[float64]bool{deskHz: false, otherHz: true, carrierHz: true} {
		if amp := mediatest.Amplitude(pcm, rate, hz); here != (amp > 1000) || !here && amp > 300 {
			t.Errorf("who was held hears %v Hz at %.0f", hz, amp)
		}
	}
	for _, cdr := range history(t, p, 2) {
		if want := map[string]string{"2001": "called", "2002": "called"}[cdr.From]; cdr.Status != 200 || cdr.EndedBy != want {
			t.Errorf("CDR %+v", cdr)
		}
	}
}
