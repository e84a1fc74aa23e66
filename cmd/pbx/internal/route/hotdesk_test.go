package route

import (
	"testing"

	"naisen/provisioning"
)

// TestHotDesk: who is signed in at a telephone calls by their own rights and number; help comes to the desk; the desk's own number rings or is silent.
func TestHotDesk(t *testing.T) {
	d := city()
	d.extensions["d|3001"] = provisioning.Extension{Number: "3001", Site: "annex", CallerID: "+81312350001", HotDesk: &provisioning.HotDesking{OwnNumber: "silent"}}
	d.extensions["d|3002"] = provisioning.Extension{Number: "3002", HotDesk: &provisioning.HotDesking{}}
	d.seated = map[string]string{"d|3001": "2001", "d|3002": "2002"}
	call := func(dialled string) Plan {
		return Route(d, Request{Domain: "d", Extension: "2001", Desk: "3001", Dialled: dialled}, day("09:00"))
	}
	if p := call("119"); !p.Emergency || p.Site != "annex" || p.Shown.Number != "+81312350000" || p.Steps[0].Targets[0].Trunk != "annex-1" {
		t.Errorf("help is sent to the person's own place: %q shows %q (%s)", p.Site, p.Shown.Number, p.Why)
	}
	if p := call("0119"); p.Site != "annex" {
		t.Errorf("with an outside line: %q", p.Site)
	}
	if p := call("09012345678"); p.Charge.Extension != "2001" || p.Shown.Number != "+81312340001" || p.Steps[0].Targets[0].Trunk != "annex-1" {
		t.Errorf("an outside call: %+v by %v", p.Charge, p.Steps)
	}
	if p := Route(d, Request{Domain: "d", Extension: "2001", Dialled: "119"}, day("09:00")); p.Site != "hall" {
		t.Errorf("from the own telephone: %q", p.Site)
	}
	for dialled, status := range map[string]int{"3001": 480, "3002": 0} {
		if p := Route(d, Request{Domain: "d", Extension: "2002", Dialled: dialled}, day("09:00")); p.Refuse.Status != status {
			t.Errorf("%s is dialled: %d (%s)", dialled, p.Refuse.Status, p.Why)
		}
	}
	if p := call("*32"); p.Steps[0].Run.Data[Argument] != "3001" || p.Steps[0].Run.For != "2001" {
		t.Errorf("sign out: %+v", p.Steps[0].Run)
	}
	if p := call("*312002"); p.Steps[0].Run.Data[Telephone] != "3001" || p.Steps[0].Run.Data[Argument] != "2002" || p.To != "*31" {
		t.Errorf("sign in: %+v to %q", p.Steps[0].Run, p.To)
	}
	if p := Route(d, Request{Domain: "d", Extension: "3002", Dialled: "*31"}, day("09:00")); p.Steps[0].Run.Data[Telephone] != "3002" {
		t.Errorf("sign in: %+v", p.Steps[0].Run)
	}
}
