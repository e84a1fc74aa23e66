package rest

import (
	"encoding/json"
	"slices"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

func TestRoles(t *testing.T) {
	r := newRig(t)
	var got struct{ Items []roleInfo }
	p := r.do(t, "check+auditor", "GET", base+"/roles", "")
	if err := json.Unmarshal([]byte(p.body), &got); err != nil || p.status != 200 || len(got.Items) != len(provisioning.Roles()) {
		t.Fatalf("%d %v %s", p.status, err, p.body)
	}
	rights := map[provisioning.Role][]right{}
	for _, i := range got.Items {
		rights[i.Name] = i.Rights
	}
	for _, c := range []struct {
		role provisioning.Role
		is   right
		has  bool
	}{
		{provisioning.RoleListener, right{policy.RecordingListen, false}, true}, {provisioning.RoleAdmin, right{policy.RecordingListen, false}, false},
		{provisioning.RoleStaff, right{policy.CDRRead, true}, true}, {provisioning.RoleAuditor, right{policy.CDRRead, false}, true},
		{provisioning.RoleAdmin, right{policy.AuditDelete, false}, false},
	} {
		if slices.Contains(rights[c.role], c.is) != c.has {
			t.Errorf("%s: %+v", c.role, rights[c.role])
		}
	}
}
