package rest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

const (
	phone     = "805ec0112233" // of the rig
	phonePath = base + "/devices/" + phone
)

func (r *rig) secretOf(t *testing.T, kind, key string) ([]byte, bool) {
	t.Helper()
	var plain []byte
	err := r.store.View(t.Context(), func(v provisioning.Reader) (err error) {
		plain, err = provisioning.Secret(v, here, kind, key)
		return err
	})
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
		t.Fatal(err)
	}
	return plain, err == nil
}

// TestInventory: a device is put, refused by field, and holds what it names.
func TestInventory(t *testing.T) {
	r := newRig(t)
	r.refuses(t, []refused{
		{"/devices/805ec0112234", `{"vendor":"acme"}`, "vendor", "must be one of yealink"},
		{"/devices/805EC0112234", `{"vendor":"poly"}`, "mac", "12 lower-case"},
		{"/devices/805ec0112234", `{"vendor":"poly","lines":[{"extension":"2999"}]}`, "lines[0].extension", "does not exist"},
		{"/devices/805ec0112234", `{"vendor":"poly","lines":[{"extension":"2001","label":"a\u0000b"}]}`, "lines[0].label", "control character"},
		{"/devices/805ec0112234", `{"vendor":"poly","site":"nowhere"}`, "site", "does not exist"},
		{"/devices/805ec0112234", `{"vendor":"poly","keys":[{"kind":"blf","value":"2002;x"}]}`, "keys[0].value", "digits"},
	})
	if p := r.do(t, admin, "DELETE", base+"/extensions/2001", ""); p.status != http.StatusConflict {
		t.Errorf("an extension goes that a device registers as: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", phonePath, `{"vendor":"yealink","user":"alice","lines":[{"extension":"2001"}]}`); p.status != 200 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, "alice+staff", "GET", phonePath, ""); p.status != 200 {
		t.Errorf("who answers for it does not see it: %d", p.status)
	}
	if p := r.do(t, "alice+staff", "GET", phonePath+"/particulars", ""); p.status != 403 {
		t.Errorf("and sees its serial number: %d", p.status)
	}
}

// TestInventoryAsFile: telephones come from a spreadsheet, all or none, and go into one; what is sealed is in neither.
func TestInventoryAsFile(t *testing.T) {
	r := newRig(t)
	if p := r.do(t, admin, "PUT", phonePath+"/particulars", `{"serial":"3147820041000001"}`); p.status != 204 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	file := func(text string) reply {
		return r.do(t, admin, "POST", base+"/imports/devices", text, csvType)
	}
	if p := file("mac,vendor,model\n805ec0112299,yealink,T31P\n805EC0112298,poly,\n"); p.status != 422 {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/devices/805ec0112299", ""); p.status != 404 {
		t.Errorf("half of a file was taken: %d", p.status)
	}
	if p := file("mac,vendor,model,lines\n805ec0112299,yealink,T31P,\"[{\"\"extension\"\":\"\"2002\"\"}]\"\n0004f2000001,poly,VVX 450,\n"); p.status != 200 || p.json(t)["created"] != 2.0 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	p := r.do(t, admin, "GET", base+"/exports/devices?format=csv", "")
	if p.status != 200 || !strings.Contains(p.body, "805ec0112299") || !strings.Contains(p.body, "VVX 450") || strings.Contains(p.body, "3147820041000001") {
		t.Errorf("%d %s", p.status, p.body)
	}
}

// TestParticularsAreSealed: they come back to who may read them, stand nowhere else, and go with the device.
func TestParticularsAreSealed(t *testing.T) {
	r := newRig(t)
	if p := r.do(t, admin, "PUT", phonePath+"/particulars", `{"serial":"3147820041000001","contract":"L-7","note":"予備機"}`); p.status != 204 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, "tel+telephony", "GET", phonePath+"/particulars", ""); p.json(t)["serial"] != "3147820041000001" || p.json(t)["note"] != "予備機" {
		t.Errorf("%s", p.body)
	}
	for _, path := range []string{"/devices", "/devices/" + phone, "/devices/" + phone + "/status", "/audit?limit=1000"} {
		if p := r.do(t, "aud+auditor", "GET", base+path, ""); p.status != 200 || strings.Contains(p.body, "3147820041000001") {
			t.Errorf("%s: %d %s", path, p.status, p.body)
		}
	}
	if p := r.do(t, admin, "PUT", phonePath+"/particulars", `{"serial":"a\nb"}`); p.status != 422 || p.location(t) != "body.serial" {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "DELETE", phonePath, ""); p.status != 204 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if _, there := r.secretOf(t, provisioning.SecretDeviceParticulars, phone); there {
		t.Error("the serial number stays when the device is gone")
	}
}

// TestClaimCodes: a code is shown once, counts once and for its device only, ends with a newer one, with its time, with the device and when that is wiped.
func TestClaimCodes(t *testing.T) {
	now := time.Now()
	r := newRig(t)
	claim := func() string {
		p := r.do(t, admin, "POST", phonePath+"/claim?hours=2", "")
		code, _ := p.json(t)["code"].(string)
		if p.status != 200 || len(code) != 26 || p.json(t)["url"] != "https://pbx/"+here+"/"+code {
			t.Fatalf("%d %s", p.status, p.body)
		}
		return code
	}
	enrol := func(of, code string, at time.Time) (e provisioning.Enrolment, err error) {
		err = r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) (err error) {
			e, err = provisioning.Enrol(w, here, of, code, at)
			return err
		})
		return e, err
	}
	first := claim()
	second := claim()
	for what, try := range map[string]func() error{
		"the code of before": func() error { _, err := enrol(provisioning.EnrolDevice, first, now); return err },
		"another kind":       func() error { _, err := enrol("softphone", second, now); return err },
		"too late":           func() error { _, err := enrol(provisioning.EnrolDevice, second, now.Add(3*time.Hour)); return err },
		"a guess":            func() error { _, err := enrol(provisioning.EnrolDevice, strings.Repeat("A", 26), now); return err },
		"nothing":            func() error { _, err := enrol(provisioning.EnrolDevice, "", now); return err },
	} {
		if err := try(); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if e, err := enrol(provisioning.EnrolDevice, second, now); err != nil || e.Name != phone {
		t.Fatalf("%+v %v", e, err)
	}
	if _, err := enrol(provisioning.EnrolDevice, second, now); !errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("a code counts twice: %v", err)
	}
	third := claim()
	if p := r.do(t, admin, "PUT", phonePath+"/state", `{"state":"wiped"}`); p.status != 200 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if _, err := enrol(provisioning.EnrolDevice, third, now); !errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("the code of a wiped device counts: %v", err)
	}
	if p := r.do(t, admin, "POST", phonePath+"/claim", ""); p.status != 422 || !strings.Contains(p.body, "is wiped") {
		t.Errorf("a wiped device is claimed: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", phonePath+"/state", `{"state":""}`); p.status != 200 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	fourth := claim()
	if p := r.do(t, admin, "DELETE", phonePath, ""); p.status != 204 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if _, err := enrol(provisioning.EnrolDevice, fourth, now); !errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("the code of a device that is gone counts: %v", err)
	}
	if p := r.do(t, "aud+auditor", "GET", base+"/audit?limit=1000", ""); strings.Contains(p.body, fourth) || !strings.Contains(p.body, `"device.claim"`) {
		t.Errorf("the log has the code, or no word of it")
	}
	if log := r.log.String(); strings.Contains(log, second) || strings.Contains(log, fourth) {
		t.Error("a code stands in the log")
	}
}

// TestResyncByREST: the telephone is asked, which is in the log; the report says what differs.
func TestResyncByREST(t *testing.T) {
	fleet := &fakeFleet{}
	r := newRig(t, func(c *Config) { c.Fleet = fleet })
	if p := r.do(t, admin, "POST", phonePath+"/resync", ""); p.status != 200 || p.json(t)["asked"] != 1.0 || len(fleet.asked) != 1 || fleet.asked[0] != here+" "+phone {
		t.Errorf("%d %s %v", p.status, p.body, fleet.asked)
	}
	if p := r.do(t, "zoe+staff", "POST", phonePath+"/resync", ""); p.status != 403 || len(fleet.asked) != 1 {
		t.Errorf("%d %v", p.status, fleet.asked)
	}
	if p := r.do(t, "aud+auditor", "GET", phonePath+"/report", ""); p.status != 200 || !strings.Contains(p.body, `"drift":["never-fetched"]`) {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, "aud+auditor", "GET", base+"/audit?limit=1000", ""); !strings.Contains(p.body, `"device.resync"`) {
		t.Error("the log does not say so")
	}
}

// TestDeviceKeysAreShownToNobody: a rotation makes passwords that no answer has, and a wipe destroys them.
func TestDeviceKeysAreShownToNobody(t *testing.T) {
	r := newRig(t)
	p := r.do(t, admin, "POST", phonePath+"/rotation", "")
	if p.status != 204 || p.body != "" {
		t.Fatalf("%d %s", p.status, p.body)
	}
	plain, _ := r.secretOf(t, provisioning.SecretDeviceKeys, phone)
	k, err := provisioning.DecodeDeviceKeys(plain)
	if err != nil || k.Next == nil || len(k.Next.Secret) != 26 || k.Next.Secret == k.Current.Secret {
		t.Fatal("no two passwords", err)
	}
	r.do(t, admin, "POST", phonePath+"/rotation", "")
	again, _ := r.secretOf(t, provisioning.SecretDeviceKeys, phone)
	if string(again) != string(plain) {
		t.Error("a rotation that is under way is begun anew: a device that has the new password loses it")
	}
	for _, path := range []string{"/devices/" + phone, "/devices/" + phone + "/status", "/audit?limit=1000"} {
		if p := r.do(t, admin, "GET", base+path, ""); strings.Contains(p.body, k.Next.Secret) || strings.Contains(p.body, k.Current.Secret) || strings.Contains(p.body, k.Access) {
			t.Errorf("%s shows a secret", path)
		}
	}
	if p := r.do(t, admin, "PUT", phonePath+"/state", `{"state":"wiped","why":"紛失"}`); p.status != 200 || p.json(t)["state"] != "wiped" || p.json(t)["why"] != "紛失" {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if _, there := r.secretOf(t, provisioning.SecretDeviceKeys, phone); there {
		t.Error("a wiped device keeps its passwords")
	}
	if p := r.do(t, admin, "PUT", phonePath+"/state", `{"state":"gone"}`); p.status != 422 {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "POST", phonePath+"/rotation", ""); p.status != 422 {
		t.Errorf("a wiped device gets a password: %d", p.status)
	}
}
