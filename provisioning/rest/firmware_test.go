package rest

import (
	"net/http"
	"strings"
	"testing"
)

// TestFirmware: the catalogue, its file, and the steps of a roll-out by who may; what is being rolled out is not changed.
func TestFirmware(t *testing.T) {
	files := &fakeRollouts{}
	r := newRig(t, func(c *Config) { c.Rollouts = files })
	const path = base + "/firmware/t54w-96"
	sum := strings.Repeat("a", 64)
	good := `{"vendor":"yealink","model":"SIP-T54W","version":"96.86.0.70","file":"T54W-96.86.0.70.rom","sha256":"` + sum + `","size":10,"waves":[{"percent":10},{"percent":100}],"observe_seconds":600,"settle_seconds":60,"least_percent":90}`
	r.refuses(t, []refused{
		{"/firmware/t54w-96", strings.Replace(good, `"percent":10}`, `"percent":101}`, 1), "waves[0].percent", "100 at most"},
		{"/firmware/t54w-96", strings.Replace(good, `{"percent":10}`, `{"sites":["nowhere"]}`, 1), "waves[0].sites[0]", "does not exist"},
		{"/firmware/t54w-96", strings.Replace(good, `T54W-`, `../T54W-`, 1), "file", "begin with a dot"},
		{"/firmware/t54w-96", strings.Replace(good, `"size":10`, `"size":10,"previous":"none"`, 1), "previous", "does not exist"},
	})
	if p := r.do(t, admin, "PUT", path, good); p.status != http.StatusCreated {
		t.Fatalf("%d %s", p.status, p.body)
	}
	steer := func(who, do string) reply {
		return r.do(t, who, "POST", path+"/rollout", `{"do":"`+do+`","why":"夜間"}`)
	}
	if p := steer(admin, "start"); p.status != 422 || !strings.Contains(p.body, "file first") {
		t.Errorf("without the file: %d %s", p.status, p.body)
	}
	for body, want := range map[string]int{"0123": 422, "0123456789": 204} {
		if p := r.do(t, admin, "PUT", path+"/file", body, "Content-Type: application/octet-stream"); p.status != want {
			t.Errorf("a file of %d: %d %s", len(body), p.status, p.body)
		}
	}
	if p := r.do(t, admin, "PUT", path+"/file", "0123456789", "Content-Type: text/plain"); p.status != 415 {
		t.Errorf("another content: %d", p.status)
	}
	if p := r.do(t, "zoe+staff", "PUT", path+"/file", "0123456789", "Content-Type: application/octet-stream"); p.status != 403 {
		t.Errorf("by somebody: %d", p.status)
	}
	files.put = map[string]string{"t54w-96": "0123456789"}
	for _, c := range []struct {
		who, do string
		want    int
		state   string
	}{
		{"zoe+staff", "start", 403, ""}, {admin, "resume", 422, ""}, {admin, "start", 200, "running"}, {admin, "start", 422, ""}, {admin, "halt", 200, "halted"}, {admin, "halt", 422, ""}, {admin, "resume", 200, "running"},
		{admin, "rollback", 200, "rolled-back"}, {admin, "explode", 422, ""}, {admin, "start", 200, "running"},
	} {
		p := steer(c.who, c.do)
		if p.status != c.want || c.state != "" && !strings.Contains(p.body, `"state":"`+c.state+`"`) {
			t.Errorf("%s by %s: %d %s", c.do, c.who, p.status, p.body)
		}
	}
	if p := r.do(t, admin, "PUT", path, good); p.status != 422 || !strings.Contains(p.body, "roll it back first") {
		t.Errorf("changed while it is rolled out: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+"/firmware/t54w-97", good); p.status != http.StatusCreated {
		t.Fatalf("%d %s", p.status, p.body)
	}
	files.put["t54w-97"] = "0123456789"
	if p := r.do(t, admin, "POST", base+"/firmware/t54w-97/rollout", `{"do":"start"}`); p.status != 422 || !strings.Contains(p.body, "t54w-96") {
		t.Errorf("two for one model: %d %s", p.status, p.body)
	}
	if p := r.do(t, "aud+auditor", "GET", path+"/status", ""); p.status != 200 || !strings.Contains(p.body, `"registered":3`) || !strings.Contains(p.body, `"uploaded":true`) {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, "aud+auditor", "GET", base+"/audit?limit=1000", ""); !strings.Contains(p.body, `"firmware.rollout"`) || !strings.Contains(p.body, `"firmware.upload"`) {
		t.Error("the log does not say so")
	}
}
