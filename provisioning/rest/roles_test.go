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
		{provisioning.RoleListener, right{Action: policy.RecordingListen}, true}, {provisioning.RoleAdmin, right{Action: policy.RecordingListen}, false},
		{provisioning.RoleStaff, right{Action: policy.CDRRead, Own: true}, true}, {provisioning.RoleAuditor, right{Action: policy.CDRRead}, true},
		{provisioning.RoleAdmin, right{Action: policy.AuditDelete}, false},
		{provisioning.RoleTelephony, right{Action: policy.ExtensionPut, Over: true}, true}, {provisioning.RoleTelephony, right{Action: policy.TrunkPut}, true},
	} {
		if slices.Contains(rights[c.role], c.is) != c.has {
			t.Errorf("%s: %+v", c.role, rights[c.role])
		}
	}
}
