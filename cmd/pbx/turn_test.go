package main

import (
	"net/netip"
	"strings"
	"testing"

	turnrelay "naisen/media/turn"
)

func TestTURNConfig(t *testing.T) {
	for _, c := range []struct {
		of   TURNConfig
		want string // in the error; empty: it is good
	}{
		{TURNConfig{}, ""},
		{TURNConfig{PerUser: -5}, ""}, // off
		{TURNConfig{UDP: "192.0.2.1:3478"}, ""},
		{TURNConfig{TLS: "[2001:db8::1]:5349", Host: "turn.example.jp", PerUser: 2, Most: 2}, ""},
		{TURNConfig{UDP: "0.0.0.0:3478", Inside: "192.0.2.1"}, ""},
		{TURNConfig{UDP: "0.0.0.0:3478"}, "media.turn.inside"},
		{TURNConfig{UDP: "turn.example.jp"}, "media.turn.udp"},
		{TURNConfig{TLS: "5349"}, "media.turn.tls"},
		{TURNConfig{UDP: "192.0.2.1:3478", Inside: "here"}, "media.turn.inside"},
		{TURNConfig{UDP: "192.0.2.1:3478", PerUser: 5, Most: 4}, "media.turn.most"},
	} {
		err := c.of.validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.of, err, c.want)
		}
	}
}

// The relay leads to the ports of this switch's media, and its credentials name extension and where it is.
func TestTURN(t *testing.T) {
	if p := newLab(t, nil).p; p.turn != nil || p.relayAPI() != nil {
		t.Error("there is a relay that nobody asked for")
	}
	p := newLab(t, func(c *Config) {
		c.Media.Ports, c.Media.Browsers = "30000-30099", 30200
		c.Media.TURN = TURNConfig{UDP: "127.0.0.1:0", TLS: "127.0.0.1:0", Host: "turn.example.jp"}
	}).p
	g := p.relayAPI().Grant("d", "2001")
	if len(g.URLs) != 2 || !strings.HasPrefix(g.URLs[0], "turn:turn.example.jp:") || !strings.HasPrefix(g.URLs[1], "turns:turn.example.jp:") ||
		!strings.HasSuffix(g.Username, ":d/2001") || g.Credential == "" {
		t.Errorf("%+v", g)
	}
	if p.turnStats() != (turnrelay.Stats{}) {
		t.Errorf("%+v", p.turnStats())
	}
	if udp, tlsAt := p.turn.Addrs(); udp.Addr() != netip.MustParseAddr("127.0.0.1") || !tlsAt.IsValid() {
		t.Errorf("%v, %v", udp, tlsAt)
	}
}
