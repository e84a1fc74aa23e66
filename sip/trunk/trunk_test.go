package trunk

import (
	"errors"
	"testing"

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
		"no host":   {},
		"bad host":  {Host: "a b"},
		"transport": {Host: "h", Transport: "sctp"},
		"format":    {Host: "h", Format: "roman"},
		"identity":  {Host: "h", Identity: "all"},
		"place":     {Host: "h", DIDFrom: []string{"from"}},
		"caller id": {Host: "h", CallerID: "boss"},
	} {
		if _, err := New(f); !errors.Is(err, ErrProfile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
