package scim

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning"
)

// TestTelephoneBySCIM: a telephone of the pool comes with who joins, follows who moves, and is wiped with who leaves, each in the transaction of the rest; it is
// given again after an administrator took it back.
func TestTelephoneBySCIM(t *testing.T) {
	r := newRig(t)
	r.tax()
	rules, _ := get[provisioning.LifecycleRules](r, provisioning.LifecycleRules{}.Key())
	rules.Rules[1].Device = &provisioning.DeviceRule{Model: "SIP-T54W"}
	const mac = "805ec0112233"
	r.put(rules, provisioning.ManagedDevice{MAC: mac, Vendor: provisioning.VendorYealink, Model: "SIP-T54W", Pool: true})
	r.update(func(w provisioning.Writer) error { _, err := provisioning.EnsureDeviceKeys(w, here, mac); return err })
	lines := func(user string, want ...string) {
		t.Helper()
		d, _ := get[provisioning.ManagedDevice](r, mac)
		var got []string
		for _, l := range d.Lines {
			got = append(got, l.Extension)
		}
		if d.User != user || !slices.Equal(got, want) {
			t.Errorf("%q with %q, want %q with %q", d.User, got, user, want)
		}
	}
	together := func(since provisioning.Version) {
		t.Helper()
		if ends, _ := r.changed(since); ends != 1 {
			t.Errorf("%d transactions", ends)
		}
	}
	before := r.version()
	made := r.must(201, "POST", "/Users", taxed("taro"))
	lines("taro", "3000")
	together(before)
	r.must(201, "POST", "/Users", taxed("jiro")) // the pool is empty
	if e, _ := get[provisioning.Extension](r, "3001"); e.User != "jiro" {
		t.Errorf("joined without a telephone: %+v", e)
	}
	before = r.version()
	r.must(200, "PATCH", usersAt+"/"+made.id(), patchOf(moved))
	lines("taro", "4000")
	together(before)
	before = r.version()
	r.must(200, "PATCH", usersAt+"/"+made.id(), patchOf(`{"op":"Replace","path":"active","value":"False"}`))
	lines("")
	together(before)
	if s, _ := get[provisioning.DeviceStatus](r, mac); s.State != provisioning.DeviceWiped || !strings.Contains(s.Why, "taro") {
		t.Errorf("of who left: %+v", s)
	}
	if err := r.store.View(t.Context(), func(rd provisioning.Reader) error {
		if _, err := provisioning.DeviceKeysOf(rd, here, mac); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("its password: %v", err)
		}
		noted, err := rd.Audit(here, provisioning.AuditQuery{Action: "device.wanted"})
		if len(noted) != 1 || noted[0].Object != "user/jiro" || noted[0].Detail["model"] != "SIP-T54W" || noted[0].Outcome != "failed" || noted[0].Subject == "" {
			t.Errorf("noted: %+v", noted)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	r.must(201, "POST", "/Users", taxed("saburo"))
	lines("") // wiped: nobody gets it
	r.update(func(w provisioning.Writer) error {
		_, err := provisioning.SetDeviceState(w, here, mac, "", "", r.now)
		return err
	})
	r.must(201, "POST", "/Users", taxed("shiro"))
	lines("shiro", "3003")
}
