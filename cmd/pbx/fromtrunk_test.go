package main

import (
	"crypto/tls"
	"encoding/pem"
	"testing"

	"naisen/provisioning"
)

// A trunk that names certificates is known by them alone: not by its address, not by another name, not by another issuer. 404 says that the
// call was taken for the trunk's and has no number of ours; 401 that it was not.
func TestTrunkByCertificate(t *testing.T) {
	t.Parallel()
	ours, strange := newAuthority(t), newAuthority(t)
	roots := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ours.cert.Raw}))
	for _, sources := range [][]string{{"127.0.0.1/32"}, nil} {
		l := newLab(t, nil)
		l.put(provisioning.Trunk{Name: "carrier", Host: "127.0.0.1", Disabled: true}, provisioning.Trunk{Name: "peer", Host: "peer.carrier.example", Transport: "tls",
			Sources: sources, TLSPeers: []string{"peer.carrier.example"}, TLSTrust: roots, OptionsSeconds: -1})
		for _, c := range []struct {
			name   string
			cfg    *tls.Config
			status int
		}{
			{"its own", ours.phone(nil, "peer.carrier.example"), 404},
			{"another name", ours.phone(nil, "other.carrier.example"), 401},
			{"another issuer", strange.phone(nil, "peer.carrier.example"), 401},
			{"none", &tls.Config{InsecureSkipVerify: true}, 401},
		} {
			peer := l.stream("tls", c.cfg)
			if r := peer.ask("INVITE", "+819012345678", "+81399999999"); r.Status != c.status {
				t.Errorf("sources %v, %s: %d, want %d", sources, c.name, r.Status, c.status)
			}
			_ = peer.c.Close()
		}
	}
}
