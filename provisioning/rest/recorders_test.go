package rest

import (
	"net/http"
	"strings"
	"testing"
)

// Recordings go to a recorder outside, and come from a system outside, as two people agreed: what is changed at its trunk may lead them elsewhere, or
// end them. As long as no policy names it, it is one person's.
func TestRecordersOutside(t *testing.T) {
	w := wishes{newRig(t), t}
	const at, id = "/trunks/recorder", "trunk:recorder"
	trunk := func(host, more string) string {
		return `{"role":"siprec","host":"` + host + `","transport":"tls"` + more + `}`
	}
	w.put(admin, at, trunk("rec.example.jp", ""), http.StatusCreated)
	w.put(admin, at, trunk("rec2.example.jp", ""), http.StatusOK)
	w.put(admin, at, trunk("rec.example.jp", ""), http.StatusOK)
	w.put(admin, "/recording-policies/desk", `{"record":"always"}`, http.StatusCreated)
	outside := `{"record":"always","outside":["recorder"]}`
	w.put(admin, "/recording-policies/desk", outside, http.StatusAccepted)
	w.put(admin, at, trunk("elsewhere.example.jp", ""), http.StatusOK)
	w.agree(manager, "policy:desk", http.StatusConflict) // it leads elsewhere than whoever agrees was told
	w.put(admin, at, trunk("rec.example.jp", ""), http.StatusOK)
	w.put(admin, "/recording-policies/desk", outside, http.StatusAccepted)
	if p, _ := w.waits("policy:desk"); !strings.Contains(p["loosens"].([]any)[0].(string), "recorder (rec.example.jp") {
		t.Errorf("%v", p)
	}
	w.agree(manager, "policy:desk", http.StatusOK)
	w.put(admin, at, trunk("rec.example.jp", ""), http.StatusOK) // the same
	for field, body := range map[string]string{"host": trunk("elsewhere.example.jp", ""), "disabled": trunk("rec.example.jp", `,"disabled":true`),
		"hosts": trunk("rec.example.jp", `,"hosts":["elsewhere.example.jp"]`), "tls_name": trunk("rec.example.jp", `,"tls_name":"elsewhere.example.jp"`),
		"role": `{"host":"rec.example.jp","transport":"tls"}`, "transport": `{"role":"siprec","host":"rec.example.jp","transport":"udp"}`,
		"calls_per_second": trunk("rec.example.jp", `,"calls_per_second":0.001`)} {
		w.put(admin, at, body, http.StatusAccepted)
		if p, _ := w.waits(id); len(p["changes"].([]any)) != 1 || p["changes"].([]any)[0].(map[string]any)["field"] != field {
			t.Errorf("%s: %v", field, p)
		}
	}
	if p := w.do(t, admin, "DELETE", base+at, ""); p.status != http.StatusConflict {
		t.Errorf("it goes: %d %s", p.status, p.body)
	}
	w.put(admin, at, trunk("elsewhere.example.jp", ""), http.StatusAccepted)
	w.agree(manager, id, http.StatusOK)
	if got := w.field(at, "host"); got != "elsewhere.example.jp" {
		t.Errorf("%v", got)
	}
	w.put(admin, "/recording-policies/desk", `{"record":"always"}`, http.StatusAccepted) // no copy any more
	w.agree(manager, "policy:desk", http.StatusOK)
	w.put(admin, at, trunk("rec.example.jp", ""), http.StatusOK)
	w.put(admin, at, trunk("rec.example.jp", `,"sources":["192.0.2.7/32"],"record_policy":"desk"`), http.StatusOK) // it sends us recordings, from now on
	w.put(admin, at, trunk("rec.example.jp", `,"sources":["192.0.2.8/32"],"record_policy":"desk"`), http.StatusAccepted)
	if p := w.do(t, admin, "DELETE", base+at, ""); p.status != http.StatusAccepted {
		t.Errorf("it goes: %d %s", p.status, p.body)
	}
}
