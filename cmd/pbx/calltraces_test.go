package main

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/apicmd"
)

// TestTraceCommand: a call through the switch is drawn by its ID with both legs, while it runs and afterwards, and shows nothing that is secret.
func TestTraceCommand(t *testing.T) {
	l := newSignalLab(t, nil, nil)
	home := netip.MustParseAddr("127.0.0.1")
	alice, bob := l.phone("2001", home), l.phone("2002", home)
	bob.Register(300)
	end := l.calls(alice, bob)
	live := l.p.calls.Snapshots(l.p.config.Domain)
	if len(live) != 1 {
		t.Fatalf("%d calls", len(live))
	}
	t.Setenv(apicmd.Token, l.token("taro", -time.Minute))
	t.Setenv("PBX_URL", l.url(""))
	t.Setenv("PBX_DOMAIN", l.p.config.Domain)
	trace := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), append([]string{"call", "trace", live[0].ID}, args...), &out, &errs); code != 0 {
			t.Fatalf("%d: %s", code, errs.String())
		}
		return out.String()
	}
	drawn := trace("--messages")
	for _, want := range []string{"  2001              pbx               2002\n", "| INVITE -------->|                 |\n", "|<- 401 Unauthori |", "|                 | INVITE -------->|", " 200 OK |", "| ACK ----------->|",
		"Authorization: Digest [hidden]", "a=rtpmap:0 PCMU/8000"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("%q is not in\n%s", want, drawn)
		}
	}
	if strings.Contains(drawn, "response=") {
		t.Errorf("credentials are in\n%s", drawn)
	}
	end()
	until(t, "the call is over", func() bool { return l.p.calls.Len() == 0 })
	if drawn = trace("--follow"); !strings.Contains(drawn, "| BYE ----------->|") || !strings.Contains(drawn, "| BYE ----------->|\n") || strings.Contains(drawn, "Authorization") {
		t.Errorf("afterwards:\n%s", drawn)
	}
	if n := l.audited("call.trace"); n != 4 {
		t.Errorf("%d audit entries, want 4", n)
	}
}

// TestHomer: the messages of a call arrive at a Homer without secrets, and the later ones of both legs have the call's ID; it takes private addresses only.
func TestHomer(t *testing.T) {
	homer, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer homer.Close()
	if err := homer.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	l := newLab(t, func(c *Config) {
		c.Trace.HEP = HEPConfig{To: homer.LocalAddr().String(), Agent: 9, Key: Secret{value: "homer-key"}}
	})
	home := netip.MustParseAddr("127.0.0.1")
	alice, bob := l.phone("2001", home), l.phone("2002", home)
	bob.Register(300)
	end := l.calls(alice, bob)
	id := l.p.calls.Snapshots(l.p.config.Domain)[0].ID
	end()
	var byes, registers int
	b := make([]byte, 65536)
	for byes < 2 { // one of each leg
		n, err := homer.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b[:n])
		if !strings.HasPrefix(text, "HEP3") || !strings.Contains(text, "homer-key") || strings.Contains(text, "response=") {
			t.Errorf("%q", text)
		}
		if strings.Contains(text, "BYE sip:") {
			byes++
			if !strings.Contains(text, id) {
				t.Errorf("a BYE without the call's ID: %q", text)
			}
		}
		if strings.Contains(text, "REGISTER sip:") {
			registers++
		}
	}
	if registers == 0 {
		t.Error("no registration")
	}
	for to, ok := range map[string]bool{"10.0.0.1:9060": true, "[fd00::1]:9060": true, "198.51.100.1:9060": false, "10.0.0.1": false, "homer:9060": false, "10.0.0.1:0": false} {
		if err := (TraceConfig{HEP: HEPConfig{To: to}}).validate(); (err == nil) != ok {
			t.Errorf("%s: %v", to, err)
		}
	}
	for _, c := range []TraceConfig{{Bytes: -1}, {Bytes: 2 << 30}, {Keep: -1}, {Keep: Duration(48 * time.Hour)}} {
		if c.validate() == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
