package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

const (
	browserHz = 600.0
	deskHz    = 890.0
	otherHz   = 1240.0
	rate      = 8000
)

// office is a switch with a browser at 2001 and baresip desk phones.
func office(t *testing.T) (*peer.PBX, *phone) {
	t.Helper()
	return officeWith(t, "", func(*peer.PBX) any { return nil })
}

// officeWith also has more configuration, and the browser an RTCConfiguration that may be asked of the switch. Without the function the page is not
// signed in yet.
func officeWith(t *testing.T, yaml string, ice func(*peer.PBX) any) (*peer.PBX, *phone) {
	t.Helper()
	port := originFor(t)
	bin, err := peer.Build(t.Context(), t.TempDir())
	must(t, err)
	p, err := peer.NewPBX(bin, t.TempDir(), peer.Options{YAML: yaml, SIP: fmt.Sprintf("origins: [\"http://127.0.0.1:%d\"]", port)})
	must(t, err)
	must(t, p.Run(t.Context()))
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("the switch said:\n%.8000s", p.Output())
		}
	})
	must(t, p.SignIn(t.Context()))
	b := start(t, port, browserHz)
	if ice != nil {
		b.signIn(p, map[string]any{"ice": ice(p)})
	}
	return p, b
}

// signIn registers the page as 2001, by its password unless with has a token.
func (p *phone) signIn(at *peer.PBX, with map[string]any) {
	p.t.Helper()
	with["uri"] = "sip:2001@" + at.Domain
	if with["socket"] == nil {
		with["socket"] = "wss://" + at.WSS + "/"
	}
	if with["token"] == nil {
		with["password"] = at.Passwords["2001"]
	}
	p.do(nil, "register", with)
	p.saw("registered", 1)
}

func desk(t *testing.T, p *peer.PBX, user string, hz float64) *peer.Baresip {
	t.Helper()
	b, err := peer.StartBaresip(t.TempDir(), peer.Phone{User: user, Domain: p.Domain, Password: p.Passwords[user], Proxy: p.TLS, Transport: "tls", Hz: hz,
		SRTP: true, Register: true})
	must(t, err)
	ending(t, user, b)
	return b
}

func ending(t *testing.T, user string, b *peer.Baresip) {
	t.Helper()
	t.Cleanup(func() {
		b.Stop()
		if t.Failed() {
			t.Logf("phone %s said:\n%.3000s", user, b.Output())
		}
	})
}

// accept answers a desk phone that rings.
func accept(t *testing.T, b *peer.Baresip, n int) {
	t.Helper()
	must(t, peer.Until(20*time.Second, func() bool { return strings.Count(b.Output(), "Incoming call") >= n }))
	must(t, b.Command("accept", ""))
}

// heard fails unless a desk phone has heard a tone alone for a second in a row.
func heard(t *testing.T, b *peer.Baresip, hz float64) {
	t.Helper()
	must(t, peer.Until(20*time.Second, func() bool {
		pcm, err := b.Heard()
		if err != nil || len(pcm) < 2*rate {
			return false
		}
		return mediatest.ToneIn(pcm[len(pcm)-rate:], rate, hz) > 0.8
	}))
}

// The whole of a browser's working day in one call after another: it calls a desk phone and is called, both hear each other; hold, an ICE restart in the
// middle, then a call from outside with notice, recording and transfer.
func TestBrowserPhone(t *testing.T) {
	p, b := office(t)
	first := desk(t, p, "2002", deskHz)

	onTheHTTPPort(t, p, b.origin)
	b.do(nil, "call", "sip:2002@"+p.Domain)
	accept(t, first, 1)
	b.saw("confirmed", 1)
	b.hears(deskHz)
	heard(t, first, browserHz)
	var stats struct {
		DTLS, SRTP, Codec string
	}
	b.do(&stats, "stats")
	t.Logf("%+v", stats)
	if stats.DTLS != "connected" || stats.SRTP != "SRTP_AEAD_AES_128_GCM" {
		t.Errorf("the browser's transport: %+v", stats)
	}

	b.do(nil, "restart")
	b.saw("renegotiated", 1)
	b.hears(deskHz)

	b.do(nil, "hold")
	b.saw("hold", 1)
	b.deaf(deskHz)
	b.do(nil, "unhold")
	b.saw("unhold", 1)
	b.hears(deskHz)
	heard(t, first, browserHz)
	b.do(nil, "hangup")
	b.saw("ended", 1)

	must(t, first.Command("dial", "sip:2001@"+p.Domain))
	b.saw("session incoming", 1)
	b.do(nil, "answer")
	b.saw("confirmed", 2)
	b.hears(deskHz)
	heard(t, first, browserHz)
	b.do(nil, "hangup")
	b.saw("ended", 2)

	id := fromOutside(t, p, b, first)
	b.never("failed")
	b.never("disconnected")
	recorded(t, p, id)
}

// onTheHTTPPort: SIP over WebSocket is at /sip of the API's port too, for the pages that may have it and nobody else.
func onTheHTTPPort(t *testing.T, p *peer.PBX, origin string) {
	t.Helper()
	for page, want := range map[string]int{origin: 101, p.URL: 101, "https://evil.example": 403} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", p.URL+"/sip", nil)
		must(t, err)
		for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
			"Sec-WebSocket-Protocol": "sip", "Origin": page} {
			req.Header.Set(k, v)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		must(t, err)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a page at %s: %d, want %d", page, resp.StatusCode, want)
		}
	}
}

const did = "+81312345678"

// fromOutside: a carrier's call to the recorded number is answered in the browser after its notice, and transferred to the desk. It gives the recording.
func fromOutside(t *testing.T, p *peer.PBX, b *phone, first *peer.Baresip) string {
	t.Helper()
	status, answer, err := p.Do(t.Context(), "PUT", "trunks/carrier", map[string]any{"name": "carrier", "host": "127.0.0.2:5060", "transport": "udp",
		"sources": []string{"127.0.0.1/32"}, "prefixes": []string{"0"}, "media": "srtp-forbidden", "did_from": []string{"request-uri"}})
	must(t, err)
	if status/100 != 2 {
		t.Fatalf("trunk: %d %s", status, answer)
	}
	c, err := peer.StartBaresip(t.TempDir(), peer.Phone{User: "09012345678", Domain: "127.0.0.1", Proxy: p.UDP, Transport: "udp", Hz: otherHz})
	must(t, err)
	ending(t, "carrier", c)
	must(t, c.Command("dial", "sip:"+did+"@"+p.Domain))
	b.saw("session incoming", 2) // rung after the notice
	b.do(nil, "answer")
	b.saw("confirmed", 3)
	b.hears(otherHz)
	heard(t, c, browserHz)
	b.do(nil, "refer", "sip:2002@"+p.Domain)
	accept(t, first, 3) // it rang for the browser's first call, and with it for this one
	heard(t, c, deskHz)
	heard(t, first, otherHz)
	must(t, c.Command("hangup", ""))
	var calls struct{ Items []struct{ Recording string } }
	must(t, peer.Until(20*time.Second, func() bool {
		_, answer, err := p.Do(t.Context(), "GET", "calls/history", nil)
		return err == nil && json.Unmarshal(answer, &calls) == nil && len(calls.Items) >= 3 && calls.Items[0].Recording != ""
	}))
	return calls.Items[0].Recording
}

// recorded: the recording has the carrier on the left, first the browser and then the desk on the right, and the receipt of its notice.
func recorded(t *testing.T, p *peer.PBX, id string) {
	t.Helper()
	var rec struct {
		State    string
		Manifest struct{ Notice *struct{ Complete bool } }
	}
	must(t, peer.Until(60*time.Second, func() bool {
		status, answer, err := p.Do(t.Context(), "GET", "recordings/"+id, nil)
		return err == nil && status == 200 && json.Unmarshal(answer, &rec) == nil && rec.State == "stored"
	}))
	if rec.Manifest.Notice == nil || !rec.Manifest.Notice.Complete {
		t.Errorf("notice receipt %+v", rec.Manifest.Notice)
	}
	status, wav, err := p.Listen(t.Context(), "recordings/"+id+"/audio")
	must(t, err)
	channels, hz, err := peer.ReadWAV(wav)
	if err != nil || status != 200 || len(channels) != 2 {
		t.Fatalf("%d %v", status, err)
	}
	for i, want := range [][]float64{{otherHz}, {browserHz, deskHz}} {
		for _, tone := range want {
			clear := 0 // tenths of a second
			for at := 0; at+hz/10 <= len(channels[i]); at += hz / 10 {
				if mediatest.ToneIn(channels[i][at:at+hz/10], hz, tone) > 0.8 {
					clear++
				}
			}
			if clear < 5 {
				t.Errorf("channel %d has %v Hz for %d tenths of a second", i, tone, clear)
			}
		}
	}
}
