package phones

import (
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestOutbound: a desk dials an outside number. The carrier gets plain RTP and the DID for a caller; the desk speaks SRTP.
func TestOutbound(t *testing.T) {
	t.Parallel()
	const outside, wire = "0398765432", "+81398765432"
	p := newPBX(t, "")
	a := desk(t, p, "2001", deskHz, false)
	c := phone(t, peer.Phone{User: wire, Domain: "127.0.0.1", Proxy: p.UDP, Transport: "udp", Hz: carrierHz, Answer: true})
	put(t, p, "trunks/carrier", map[string]any{"name": "carrier", "host": c.SIP, "transport": "udp", "sources": []string{"127.0.0.2/32"},
		"prefixes": []string{"0"}, "strip": 0, "media": "srtp-forbidden", "did_from": []string{"request-uri"}, "caller_id": did, "even_ports": false, "disabled": false})
	must(t, a.Command("dial", "sip:"+outside+"@"+p.Domain))
	established(t, a, c)
	talk(t, 4*time.Second)
	must(t, c.Command("hangup", ""))
	cdr := history(t, p, 1)[0]
	if cdr.Direction != "outbound" || cdr.From != "2001" || !strings.HasSuffix(cdr.To, "398765432") || cdr.EndedBy != "called" || cdr.Status != 200 || cdr.Trunk != "carrier" {
		t.Errorf("CDR %+v", cdr)
	}
	if out := c.Output(); !strings.Contains(out, did) || strings.Contains(out, "sip:2001@") {
		t.Errorf("the carrier is not shown %s, or the extension:\n%s", did, out)
	}
	onlyTone(t, "desk's ear", ear(t, a), carrierHz, 3500*time.Millisecond)
	onlyTone(t, "carrier's ear", ear(t, c), deskHz, 3500*time.Millisecond)
}
