package rest

import (
	"strings"
	"testing"
)

func TestTrunkStatus(t *testing.T) {
	r := newRig(t)
	if p := r.do(t, admin, "GET", base+"/trunks/carrier/status", ""); p.status != 200 || !strings.Contains(p.body, `"up":true`) || !strings.Contains(p.body, `"calls":3`) {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/trunks/none/status", ""); p.status != 404 {
		t.Errorf("no such trunk: %d", p.status)
	}
}
