package trunk

import (
	"errors"
	"testing"
	"time"

	"naisen/sip/number"
)

func TestNewDefaults(t *testing.T) {
	p, err := New(Fields{Name: "c", Host: "Carrier.example", Transport: "tls"})
	if err != nil {
		t.Fatal(err)
	}
	if p.Host != "carrier.example" || p.Port != 0 || p.FromHost != p.Host || len(p.DIDFrom) != 3 || p.Format != number.FormatPlus || p.Identity != IdentityNone || p.Plan != &number.Japan {
		t.Errorf("%+v", p)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, f := range map[string]Fields{
		"no host":              {},
		"bad host":             {Host: "a b"},
		"transport":            {Host: "h", Transport: "sctp"},
		"format":               {Host: "h", Format: "roman"},
		"identity":             {Host: "h", Identity: "all"},
		"place":                {Host: "h", DIDFrom: []string{"from"}},
		"caller id":            {Host: "h", CallerID: "boss"},
		"profile":              {Host: "h", Profile: "isdn"},
		"hosts":                {Host: "h", Hosts: []string{"a b"}},
		"from host":            {Host: "h", FromHost: "a b"},
		"teams needs our name": {Profile: "teams"},
	} {
		if _, err := New(f); !errors.Is(err, ErrProfile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every profile works with no more than what only the customer can know, and a field of the trunk's own wins.
func TestProfiles(t *testing.T) {
	for name := range Profiles {
		p, err := New(Fields{Profile: name, Host: "192.0.2.1", ContactHost: "sbc.example.jp"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(p.DIDFrom) == 0 || p.Plan == nil || p.Reliable == "" || p.Register == "" || p.Divert == "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	n, err := New(Fields{Profile: "ngn", Host: "192.0.2.1", SessionExpires: 600, EvenPorts: off(), DIDFrom: []string{"to"}, DSCPSIP: new(int)})
	if err != nil {
		t.Fatal(err)
	}
	if n.SessionExpires != 600*time.Second || n.EvenPorts || len(n.DIDFrom) != 1 || n.DSCPSIP != 0 || n.DSCPRTP != 32 || n.Options != 0 || n.SourcePort != 5060 {
		t.Errorf("%+v", n)
	}
}
