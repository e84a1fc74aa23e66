package lifecycle_test

import (
	"errors"
	"slices"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/lifecycle"
)

// phone is a telephone of the pool; its MAC ends in two digits.
func phone(end, site, model string, more ...func(*provisioning.ManagedDevice)) provisioning.ManagedDevice {
	d := provisioning.ManagedDevice{MAC: "805ec00000" + end, Vendor: provisioning.VendorYealink, Site: site, Model: model, Pool: true}
	for _, f := range more {
		f(&d)
	}
	return d
}

// held fails where a telephone is another one's, or has other lines.
func (o *office) held(end, user string, lines ...string) {
	o.t.Helper()
	is(o, "805ec00000"+end, func(d provisioning.ManagedDevice) bool {
		return d.User == user && slices.EqualFunc(d.Lines, lines, func(l provisioning.DeviceLine, n string) bool { return l.Extension == n })
	})
}

func (o *office) state(end, state string) {
	o.did(func(w provisioning.Writer) error {
		_, err := provisioning.SetDeviceState(w, here, "805ec00000"+end, state, "", o.now)
		return err
	})
}

// wiped fails where a telephone is not in a state, or has secrets, or keys that were somebody's.
func (o *office) wiped(end, state string) {
	o.t.Helper()
	o.held(end, "")
	is(o, "805ec00000"+end, func(d provisioning.ManagedDevice) bool { return len(d.Keys) == 0 && d.Pool })
	is(o, "805ec00000"+end, func(s provisioning.DeviceStatus) bool { return s.State == state })
	if err := o.store.View(o.t.Context(), func(r provisioning.Reader) error {
		_, err := provisioning.DeviceKeysOf(r, here, "805ec00000"+end)
		return err
	}); !errors.Is(err, provisioning.ErrNotFound) {
		o.t.Errorf("%s has secrets: %v", end, err)
	}
}

// inUse gives a telephone secrets, as when it fetches its configuration.
func (o *office) inUse(end string) {
	o.did(func(w provisioning.Writer) error {
		_, err := provisioning.EnsureDeviceKeys(w, here, "805ec00000"+end)
		return err
	})
}

// wanted is for whom the pool had nothing, as the audit log has it.
func (o *office) wanted() (users []string) {
	o.t.Helper()
	if err := o.store.View(o.t.Context(), func(r provisioning.Reader) error {
		all, err := r.Audit(here, provisioning.AuditQuery{Action: "device.wanted"})
		for _, e := range all {
			users = append(users, e.Object)
		}
		return err
	}); err != nil {
		o.t.Fatal(err)
	}
	return users
}

func in(name, department string) lifecycle.Person {
	return lifecycle.Person{Name: name, Department: department, Active: true}
}

func telephones() provisioning.LifecycleRules {
	numbers := func(from, to string) *provisioning.NumberRule {
		return &provisioning.NumberRule{From: from, To: to, Move: true}
	}
	return provisioning.LifecycleRules{Rules: []provisioning.LifecycleRule{
		{Name: "tax", Department: "tax", Numbers: numbers("2000", "2009"), Device: &provisioning.DeviceRule{Site: "hall", Model: "T54", HandBack: true}},
		{Name: "care", Department: "care", Numbers: numbers("3000", "3009"), Device: &provisioning.DeviceRule{Model: "T46"}},
		{Name: "hall", Department: "hall", Numbers: numbers("4000", "4009")},
		{Name: "none", Department: "none", Device: &provisioning.DeviceRule{}},
	}}
}

// TestTelephones: who joins gets one of the pool that is as the rule says, nobody's, and in service; where there is none they join all the same, which is noted
// once, and get one when there is.
func TestTelephones(t *testing.T) {
	o := newOffice(t, telephones(), provisioning.Site{Name: "hall", EmergencyNumber: "+81312340100"}, provisioning.Site{Name: "annex", EmergencyNumber: "+81312340100"}, provisioning.Extension{Number: "1000"},
		phone("01", "hall", "T54", func(d *provisioning.ManagedDevice) { d.Pool = false }),
		phone("02", "hall", "T54", func(d *provisioning.ManagedDevice) { d.User = "root" }),
		phone("03", "hall", "T54", func(d *provisioning.ManagedDevice) { d.Lines = []provisioning.DeviceLine{{Extension: "1000"}} }),
		phone("04", "annex", "T54"), phone("05", "", "T54"), phone("06", "hall", "T57"), phone("07", "hall", "T54"), phone("08", "hall", "T54"), phone("09", "hall", "T54"))
	o.state("07", provisioning.DeviceQuarantined)
	o.applied(in("taro", "tax"))
	o.applied(in("taro", "tax")) // told again
	o.held("08", "taro", "2000")
	o.held("09", "")
	o.applied(in("hana", "tax"))
	o.held("09", "hana", "2001")
	if got := o.wanted(); len(got) > 0 {
		t.Errorf("noted: %q", got)
	}
	o.applied(in("jiro", "tax"))
	o.applied(in("jiro", "tax"))
	is(o, "2002", func(e provisioning.Extension) bool { return e.User == "jiro" })
	if got := o.wanted(); !slices.Equal(got, []string{"user/jiro"}) {
		t.Errorf("noted: %q", got)
	}
	o.applied(in("who", "none")) // without a number there is nothing to register as
	o.held("04", "")
	o.state("07", "")
	o.applied(in("jiro", "tax")) // before the one that was given last
	o.held("07", "jiro", "2002")
	for _, end := range []string{"01", "04", "05", "06"} {
		o.held(end, "")
	}
	o.held("02", "root")
	o.held("03", "", "1000")
}

// TestTelephoneMoves: by the rule that gave it, who moves hands their telephone back, or keeps it with the number that they have then.
func TestTelephoneMoves(t *testing.T) {
	o := newOffice(t, telephones(), provisioning.Site{Name: "hall", EmergencyNumber: "+81312340100"}, provisioning.Extension{Number: "1000"},
		phone("01", "hall", "T54", func(d *provisioning.ManagedDevice) {
			d.Keys = []provisioning.DeviceKey{{Kind: provisioning.KeyBLF, Value: "1000", Label: "係長"}}
		}), phone("02", "", "T46"))
	o.applied(in("taro", "tax"))
	o.held("01", "taro", "2000")
	o.inUse("01")
	o.applied(in("taro", "care"))
	o.wiped("01", provisioning.DeviceWiped)
	o.held("02", "taro", "3000")
	o.inUse("02")
	o.did(func(w provisioning.Writer) error { // a line by hand, beside the rules
		d, tag, err := provisioning.Get[provisioning.ManagedDevice](w, here, "805ec0000002")
		if err == nil {
			d.Lines = append(d.Lines, provisioning.DeviceLine{Extension: "1000"})
			_, err = w.Put(here, d, tag)
		}
		return err
	})
	o.applied(in("taro", "hall"))
	o.held("02", "taro", "4000", "1000")
	is[provisioning.DeviceStatus](o, "805ec0000002", nil) // in service all the time
	o.applied(in("hana", "tax"))                          // 01 waits for an administrator
	o.held("01", "")
	o.state("01", "")
	o.applied(in("hana", "tax"))
	o.held("01", "hana", "2001")
	o.applied(in("taro", "tax")) // who has one gets no second one, and the care of before says that it stays
	o.held("02", "taro", "2002", "1000")
}

// TestTelephoneOfWhoLeaves: it is wiped at once, and nobody's; one that is lost stays locked, one that is somebody else's by now is left alone.
func TestTelephoneOfWhoLeaves(t *testing.T) {
	o := newOffice(t, telephones(), provisioning.Site{Name: "hall", EmergencyNumber: "+81312340100"}, phone("01", "hall", "T54"), phone("02", "hall", "T54"), phone("03", "hall", "T54"))
	for i, name := range []string{"taro", "hana", "jiro"} {
		end := string([]byte{'0', byte('1' + i)})
		o.applied(in(name, "tax"))
		o.held(end, name, "200"+string(byte('0'+i)))
		o.inUse(end)
	}
	o.applied(lifecycle.Person{Name: "taro", Department: "tax"}) // out, for now
	o.wiped("01", provisioning.DeviceWiped)
	o.applied(lifecycle.Person{Name: "taro", Department: "tax", Active: true, Returns: true})
	if got := o.wanted(); !slices.Equal(got, []string{"user/taro"}) {
		t.Errorf("back while their old one is not: %q", got)
	}
	o.state("02", provisioning.DeviceLocked)
	o.did(func(w provisioning.Writer) error { return o.engine.Remove(w, here, o.wish(), o.accounts["hana"]) })
	o.did(func(w provisioning.Writer) error { return lifecycle.Forget(w, here, "hana") })
	is[provisioning.User](o, "hana", nil)
	o.wiped("02", provisioning.DeviceLocked)
	o.did(func(w provisioning.Writer) error {
		d, tag, err := provisioning.Get[provisioning.ManagedDevice](w, here, "805ec0000003")
		if err == nil {
			d.User = "root"
			_, err = w.Put(here, d, tag)
		}
		return err
	})
	o.did(func(w provisioning.Writer) error { return o.engine.Remove(w, here, o.wish(), o.accounts["jiro"]) })
	o.held("03", "root", "2002")
}
