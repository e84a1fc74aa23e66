package rest

import (
	"net/http"
	"strings"
	"testing"
)

// The table is served before anybody changed it, is changed under its tag, and refuses codes that could mean two things.
func TestFeatureCodes(t *testing.T) {
	r := newRig(t)
	const path = "/v1/domains/" + here + "/feature-codes"
	first := r.do(t, admin, "GET", path, "")
	if first.status != 200 || !strings.Contains(first.body, `"code":"*72"`) || !strings.Contains(first.body, `"title_ja"`) {
		t.Fatalf("%d %s", first.status, first.body)
	}
	tag := first.header.Get("ETag")
	changed := r.do(t, admin, "PUT", path, `{"codes":[{"feature":"time","code":"*117"}]}`, "If-Match: "+tag)
	if changed.status != 200 || !strings.Contains(changed.body, `"code":"*117","default":"*60"`) || changed.header.Get("ETag") == tag {
		t.Errorf("%d %s", changed.status, changed.body)
	}
	if again := r.do(t, admin, "PUT", path, `{"codes":[]}`, "If-Match: "+tag); again.status != http.StatusPreconditionFailed {
		t.Errorf("with the tag of before: %d", again.status)
	}
	bad := r.do(t, admin, "PUT", path, `{"codes":[{"feature":"time","code":"*725"}]}`)
	if bad.status != http.StatusUnprocessableEntity || !strings.Contains(bad.body, "codes[0].code") || !strings.Contains(bad.body, "forward-always-on") {
		t.Errorf("%d %s", bad.status, bad.body)
	}
	if now := r.do(t, admin, "GET", path, ""); !strings.Contains(now.body, `"*117"`) || now.header.Get("ETag") != changed.header.Get("ETag") {
		t.Errorf("afterwards %s", now.body)
	}
}
