package route

import (
	"testing"
	"time"

	"naisen/provisioning"
)

func TestConference(t *testing.T) {
	d := town()
	d.dids["d|+81312348000"] = provisioning.DID{Number: "+81312348000", Conference: "8000", Language: "en"}
	d.dids["d|+81312348001"] = provisioning.DID{Number: "+81312348001", Conference: "8001"}
	inside := Route(d, Request{Domain: "d", Extension: "2001", Dialled: "8000"}, time.Time{})
	if len(inside.Steps) != 1 || inside.Steps[0].Run.String() != "conference:8000" || inside.Direction != Internal || inside.Record.Number != "2001" {
		t.Errorf("from inside: %+v", inside)
	}
	outside := Route(d, Request{Domain: "d", Trunk: "carrier", Dialled: "+81312348000"}, time.Time{})
	if len(outside.Steps) != 1 || outside.Steps[0].Run.Name != "8000" || outside.Direction != Inbound || outside.Language != "en" {
		t.Errorf("by its DID: %+v", outside)
	}
	if p := Route(d, Request{Domain: "d", Trunk: "carrier", Dialled: "+81312348001"}, time.Time{}); p.Refuse.Status != 480 {
		t.Errorf("a room that is no more: %+v", p)
	}
	if p := Route(d, Request{Domain: "other", Extension: "2001", Dialled: "8000"}, time.Time{}); len(p.Steps) > 0 && p.Steps[0].Run.Verb != "" {
		t.Error("a room of another domain")
	}
}
