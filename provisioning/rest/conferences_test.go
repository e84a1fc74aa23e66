package rest

import (
	"strings"
	"testing"

	"naisen/provisioning"
)

func TestConferences(t *testing.T) {
	r := newRig(t)
	at := base + "/conferences/8001"
	if p := r.do(t, admin, "PUT", at+"/pin", `{"pin":"1234"}`); p.status != 404 {
		t.Errorf("PIN of nothing: %d", p.status)
	}
	if p := r.do(t, "tess+telephony", "PUT", at, `{"title":"朝会","max_guests":3,"wait":true,"policy":"always"}`); p.status != 201 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+"/conferences/8002", `{"policy":"nonsense"}`); p.status != 422 || p.location(t) != "body.policy" {
		t.Errorf("unknown policy: %d %s", p.status, p.body)
	}
	for body, field := range map[string]string{`{"pin":"12"}`: "body.pin", `{"pin":"1234","moderator_pin":"1234"}`: "body.moderator_pin", `{"pin":"1234","admin":"1"}`: "body.admin"} {
		if p := r.do(t, admin, "PUT", at+"/pin", body); p.status != 422 && p.status != 400 || p.location(t) != field || strings.Contains(p.body, "1234") {
			t.Errorf("%s: %d %s", body, p.status, p.body)
		}
	}
	if p := r.do(t, admin, "PUT", at+"/pin", `{"pin":"1234","moderator_pin":"998877"}`); p.status != 204 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", at, ""); strings.Contains(p.body, "1234") || strings.Contains(p.body, "998877") {
		t.Errorf("a PIN is read back: %s", p.body)
	}
	if strings.Contains(r.log.String(), "998877") {
		t.Error("a PIN is in the log")
	}
	pins := func() (guest, moderator string) {
		must(t, r.store.View(t.Context(), func(rd provisioning.Reader) error {
			b, _ := provisioning.Secret(rd, here, provisioning.SecretConference, "8001")
			guest, moderator = provisioning.ParseConferencePINs(b).Reveal()
			return nil
		}))
		return guest, moderator
	}
	if g, m := pins(); g != "1234" || m != "998877" {
		t.Errorf("kept as %q, %q", g, m)
	}
	if p := r.do(t, admin, "DELETE", at+"/pin", ""); p.status != 204 {
		t.Errorf("%d %s", p.status, p.body)
	}
	if g, _ := pins(); g != "" {
		t.Error("the PIN is still there")
	}
	if p := r.do(t, admin, "PUT", base+"/dids/+81312349999", `{"conference":"8001","to":[]}`); p.status != 201 {
		t.Errorf("DID of a conference: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "DELETE", at, ""); p.status != 409 {
		t.Errorf("deleted while a DID leads there: %d %s", p.status, p.body)
	}
}
