package trunk

import (
	"errors"
	"net/netip"
	"testing"
)

func TestNewDefaults(t *testing.T) {
	p, err := New(Fields{Name: "c", Host: "Carrier.example", Transport: "tls"})
	if err != nil {
		t.Fatal(err)
	}
	if p.Host != "carrier.example" || p.Port != 5061 || p.FromHost != p.Host || len(p.DIDFrom) != 3 || p.Format != FormatPlus || p.Identity != IdentityNone || p.Plan != &Japan {
		t.Errorf("%+v", p)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, f := range map[string]Fields{
		"no host":           {},
		"bad host":          {Host: "a b"},
		"transport":         {Host: "h", Transport: "sctp"},
		"format":            {Host: "h", Format: "roman"},
		"identity":          {Host: "h", Identity: "all"},
		"place":             {Host: "h", DIDFrom: []string{"from"}},
		"source":            {Host: "h", Sources: []string{"carrier"}},
		"everybody":         {Host: "h", Sources: []string{"0.0.0.0/0"}},
		"everybody by IPv6": {Host: "h", Sources: []string{"::/0"}},
		"mapped":            {Host: "h", Sources: []string{"::ffff:0.0.0.0/96"}},
		"prefix":            {Host: "h", Prefixes: []string{"zero"}},
		"strip":             {Host: "h", Prefixes: []string{"0"}, Strip: 2},
		"negative strip":    {Host: "h", Strip: -1},
		"caller id":         {Host: "h", CallerID: "boss"},
	} {
		if _, err := New(f); !errors.Is(err, ErrProfile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMatch(t *testing.T) {
	make := func(f Fields) *Profile {
		f.Host = "h"
		p, err := New(f)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	table := NewTable(
		make(Fields{Name: "wide", Sources: []string{"192.0.2.0/24", "2001:db8::/32"}}),
		make(Fields{Name: "narrow", Sources: []string{"192.0.2.128/25"}}),
		make(Fields{Name: "one", Sources: []string{"192.0.2.200"}}),
		make(Fields{Name: "off", Sources: []string{"198.51.100.1"}, Disabled: true}),
	)
	for addr, want := range map[string]string{
		"192.0.2.1": "wide", "192.0.2.130": "narrow", "192.0.2.200": "one", "::ffff:192.0.2.200": "one", "2001:db8::1": "wide",
		"198.51.100.1": "", "203.0.113.1": "", "::1": "",
	} {
		got := ""
		if p := table.Match(netip.MustParseAddr(addr)); p != nil {
			got = p.Name
		}
		if got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
}

func TestTakes(t *testing.T) {
	p, err := New(Fields{Host: "h", Prefixes: []string{"0", "0120", "9"}, Strip: 1})
	if err != nil {
		t.Fatal(err)
	}
	for dialled, want := range map[string]struct {
		number string
		length int
		ok     bool
	}{"00312345678": {"0312345678", 1, true}, "0120123456": {"120123456", 4, true}, "9110": {"110", 1, true}, "0": {"", 0, false}, "2001": {"", 0, false}} {
		if n, l, ok := p.Takes(dialled); n != want.number || l != want.length || ok != want.ok {
			t.Errorf("%s: %q %d %v, want %+v", dialled, n, l, ok, want)
		}
	}
}
