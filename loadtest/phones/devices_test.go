package phones

import (
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// device is one of several telephones of 2002, by the q that it registers with.
func device(t *testing.T, p *peer.PBX, q string, hz float64) *peer.Baresip {
	t.Helper()
	return phone(t, peer.Phone{User: "2002", Domain: p.Domain, Password: p.Passwords["2002"], Proxy: p.TLS, Transport: "tls", Hz: hz, SRTP: true, Register: true, Q: q})
}

// TestDevicesInOrder: one number on three real telephones. In order of their q the desk rings first, then the soft phone, which answers, and the third one
// never does. Without the setting all ring together; who answered hears the caller and is heard.
func TestDevicesInOrder(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	caller := desk(t, p, "2001", deskHz, false)
	all := []*peer.Baresip{device(t, p, "1.0", otherHz), device(t, p, "0.5", carrierHz), device(t, p, "0.1", otherHz)}
	put(t, p, "settings/2002", map[string]any{"extension": "2002", "ring": map[string]any{"mode": "in-order", "seconds": 5}})
	var listed struct {
		Items []struct {
			Q         float64
			Turn      int
			After     int    `json:"after_seconds"`
			UserAgent string `json:"user_agent"`
		}
	}
	get(t, p, "extensions/2002/devices", &listed)
	if l := listed.Items; len(l) != 3 || l[0].Q != 1 || l[1].Q != 0.5 || l[1].Turn != 2 || l[2].After != 10 || !strings.HasPrefix(l[0].UserAgent, "baresip") {
		t.Fatalf("devices %+v", l)
	}
	must(t, caller.Command("dial", "sip:2002@"+p.Domain))
	incoming(t, all, 1, 0, 0)
	incoming(t, all, 1, 1, 0)
	must(t, all[1].Command("accept", ""))
	said(t, p, "call: talking", 1)
	talk(t, 2*time.Second)
	must(t, caller.Command("hangup", ""))
	history(t, p, 1)
	incoming(t, all, 1, 1, 0)

	put(t, p, "settings/2002", map[string]any{"extension": "2002"})
	must(t, caller.Command("dial", "sip:2002@"+p.Domain))
	incoming(t, all, 2, 2, 1)
	must(t, all[1].Command("accept", ""))
	said(t, p, "call: talking", 2)
	talk(t, 3*time.Second)
	must(t, caller.Command("hangup", ""))
	if cdr := history(t, p, 2)[0]; cdr.AnsweredBy != "2002" || cdr.EndedBy != "caller" || cdr.Status != 200 {
		t.Errorf("CDR %+v", cdr)
	}
	for who, hears := range map[*peer.Baresip]float64{caller: carrierHz, all[1]: deskHz} {
		if _, ok := steady(ear(t, who), hears); !ok {
			t.Errorf("nobody hears %v Hz", hears)
		}
	}
}

// incoming waits until the telephones have rung so often.
func incoming(t *testing.T, phones []*peer.Baresip, want ...int) {
	t.Helper()
	var got []int
	if peer.Until(30*time.Second, func() bool {
		got = nil
		for _, b := range phones {
			got = append(got, strings.Count(b.Output(), "Incoming call from"))
		}
		return slices.Equal(got, want)
	}) != nil {
		t.Fatalf("the telephones rang %v times, want %v", got, want)
	}
}
