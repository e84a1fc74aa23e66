package directory

import (
	"net/netip"
	"testing"

	"naisen/provisioning"
)

// No call goes to a recorder, not even one for help; what it sends is known by its address like a carrier's.
func TestRecordersCarryNoCalls(t *testing.T) {
	s := openStore(t, 0)
	d := follow(t, s)
	office(t, s)
	snap := wait(t, d, update(t, s, func(w provisioning.Writer) error {
		return puts(w, domA, provisioning.Trunk{Name: "vault", Role: provisioning.RoleSIPREC, Host: "203.0.113.9", Transport: "tls", Sources: []string{"203.0.113.9/32"}})
	}))
	for _, tr := range snap.Trunks(domA) {
		if tr.Name == "vault" {
			t.Error("calls may go to a recorder")
		}
	}
	if at := snap.TrunksFrom(netip.MustParseAddr("203.0.113.9")); len(at) != 1 || at[0].Trunk.Name != "vault" {
		t.Errorf("%+v", at)
	}
	if _, ok := snap.Trunk(domA, "vault"); !ok {
		t.Error("not there")
	}
}
