package phones

import (
	"testing"
	"time"
)

// TestPark: a desk transfers its caller to the parking lot over TLS and SRTP, and hears the number of the slot before it is let go. Then it dials
// the slot and talks with the same caller, who heard music meanwhile: one call, one record.
func TestPark(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	put(t, p, "parking-lots/700", map[string]any{"number": "700", "title": "Desk", "first_slot": "701"})
	a, b := desk(t, p, "2001", deskHz, true), desk(t, p, "2002", otherHz, false)
	must(t, b.Command("dial", "sip:2001@"+p.Domain))
	established(t, a, b)
	talk(t, 3*time.Second)
	must(t, a.Command("transfer", "sip:700@"+p.Domain))
	said(t, p, "call: script", 1)
	talk(t, 6*time.Second)
	must(t, a.Command("dial", "sip:701@"+p.Domain))
	said(t, p, "call: talking", 2)
	talk(t, 3*time.Second)
	must(t, b.Command("hangup", ""))
	cdr := history(t, p, 1)[0]
	if cdr.From != "2002" || cdr.To != "2001" || cdr.AnsweredBy != "2001" || cdr.EndedBy != "caller" || cdr.Status != 200 {
		t.Errorf("CDR %+v", cdr)
	}
	heard(t, "who was parked", ear(t, b), "890 sound 890", 2*time.Second)
}
