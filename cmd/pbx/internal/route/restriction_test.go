package route

import (
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// restricted is an office whose class opens national numbers by day, mobile ones with the PIN, one free-phone-like number besides, and nothing
// at night. 2003 is there by its department, 2004 by itself.
func restricted() dir {
	d := town()
	d.calendars = map[string]provisioning.Calendar{"d|hall": {Name: "hall", Hours: []provisioning.Hours{{Days: []string{"mon"}, From: "08:30", To: "17:15"}}}}
	d.restrictions = map[string]provisioning.Restriction{
		"d|office": {Name: "office", Rights: provisioning.Rights{Classes: []string{provisioning.ClassNational}}, Open: []string{"0570012345", "+8210*"}, Closed: []string{"0366*", "+821012*"},
			Calendar: "hall", Night: &provisioning.Rights{}, WithPIN: &provisioning.Rights{Classes: []string{provisioning.ClassMobile}}},
		"d|inside": {Name: "inside"},
	}
	d.departments = map[string]provisioning.Department{"d|tax": {Name: "tax", Restriction: "office"}}
	d.extensions["d|2003"] = provisioning.Extension{Number: "2003", Department: "tax"}
	d.extensions["d|2004"] = provisioning.Extension{Number: "2004", Department: "tax", Restriction: "inside"}
	d.extensions["d|2005"] = provisioning.Extension{Number: "2005", Department: "tax", Rights: &provisioning.Rights{Classes: []string{provisioning.ClassMobile}}}
	d.trunks = append(d.trunks, provisioning.Trunk{Name: "plus", Prefixes: []string{"+"}})
	return d
}

func day(clock string) time.Time {
	t, err := time.Parse(time.RFC3339, "2026-11-30T"+clock+":00+09:00") // a Monday
	if err != nil {
		panic(err)
	}
	return t
}

// TestRestrictionClasses: what is open to whom and when, what the caller is told, and by which rule.
func TestRestrictionClasses(t *testing.T) {
	town := restricted()
	for _, c := range []struct {
		extension, dialled, at string
		pin                    bool
		say, why               string // empty: open
	}{
		{"2003", "0312345555", "09:00", false, "", "trunk"},
		{"2003", "0312345555", "17:15", false, "restriction/night", "class office of 2003 in night mode: national is closed"},
		{"2003", "0312345555", "17:15", true, "restriction/night", "national is closed"},
		{"2003", "09012345678", "09:00", false, "restriction/needs-pin", "mobile is closed without the PIN"},
		{"2003", "09012345678", "20:00", false, "restriction/needs-pin", "in night mode"},
		{"2003", "09012345678", "20:00", true, "", "trunk"},
		{"2003", "0990512345", "09:00", true, "call/barred", "premium is closed"},
		{"2003", "0570012345", "20:00", false, "", "trunk"}, // listed, at any time
		{"2003", "0570012346", "09:00", false, "call/barred", "navi is closed"},
		{"2003", "0366661111", "09:00", true, "call/barred", "the number is listed"},
		{"2003", "+821098765432", "09:00", false, "", "trunk"},
		{"2003", "010821098765432", "09:00", false, "", "trunk"},
		{"2003", "+821012345678", "09:00", false, "call/barred", "the number is listed"}, // the longer entry
		{"2003", "+442071838750", "09:00", false, "call/barred", "international is closed"},
		{"2004", "0312345555", "09:00", false, "call/barred", "class inside of 2004: national is closed"},
		{"2004", "2001", "20:00", false, "", "extension"},
		{"2005", "09012345678", "20:00", false, "", "trunk"}, // rights of its own
		{"2005", "0312345555", "09:00", false, "call/barred", "rights of 2005: national is closed"},
		{"2004", "119", "20:00", false, "", "emergency"}, {"2004", "0110", "20:00", false, "", "emergency"}, {"2004", "184118", "20:00", false, "", "emergency"},
	} {
		p := Route(town, Request{Domain: "d", Extension: c.extension, Dialled: c.dialled, PIN: c.pin}, day(c.at))
		if p.Say != c.say || (p.Refuse.Status == 403) != (c.say != "") || !strings.Contains(p.Why, c.why) || (c.say != "") != (len(p.Steps) == 0) {
			t.Errorf("%s dials %s at %s, PIN %v: %d %q %q, want %q %q", c.extension, c.dialled, c.at, c.pin, p.Refuse.Status, p.Say, p.Why, c.say, c.why)
		}
	}
}

// TestLockedTelephone: what is dialled there stays inside; help is called all the same, and forwards that stood before go on.
func TestLockedTelephone(t *testing.T) {
	town := restricted()
	town.settings = map[string]provisioning.Settings{"d|2001": {Extension: "2001", Locked: true,
		Forward: provisioning.Forwarding{Always: &provisioning.Destination{Number: "09012345678"}}}}
	for _, c := range []struct {
		request Request
		say     string
		to      string
	}{
		{Request{Extension: "2001", Dialled: "0312345555"}, "restriction/locked", "0312345555"},
		{Request{Extension: "2001", Dialled: "0312345555", PIN: true}, "", "0312345555"},
		{Request{Extension: "2001", Dialled: "2002"}, "", "2002"},
		{Request{Extension: "2001", Dialled: "119"}, "", "119"},
		{Request{Extension: "2001", Dialled: "*7209011112222"}, "restriction/locked", "*7209011112222"},
		{Request{Extension: "2001", Dialled: "*73"}, "", "*73"},
		{Request{Extension: "2001", Dialled: "*35"}, "", "*35"},
		{Request{Extension: "2001", Dialled: "0312345555", Standing: true}, "", "0312345555"},
		{Request{Extension: "2002", Dialled: "2001"}, "", "2001"}, // goes on to the mobile
	} {
		c.request.Domain = "d"
		p := Route(town, c.request, day("09:00"))
		if p.Say != c.say || (p.Refuse.Status != 0) != (c.say != "") || p.To != c.to {
			t.Errorf("%s dials %s: %d %q to %q (%s), want %q", c.request.Extension, c.request.Dialled, p.Refuse.Status, p.Say, p.To, p.Why, c.say)
		}
	}
	p := Route(town, Request{Domain: "d", Extension: "2002", Dialled: "2001"}, day("09:00"))
	if p.Charge.Extension != "2001" || len(p.Steps) == 0 || p.Steps[0].Targets[0].Number != "09012345678" {
		t.Errorf("the forward of a locked telephone: %+v", p)
	}
}

// TestWithPINIsConfided: what is dialled behind the code may be the PIN by mistake; no record has it.
func TestWithPINIsConfided(t *testing.T) {
	for dialled, to := range map[string]string{"*33": "*33", "*334711": "*33", "*334711#": "*33", "*333": "*33", "*354711": ""} {
		p := Route(restricted(), Request{Domain: "d", Extension: "2001", Dialled: dialled}, day("09:00"))
		if to != "" && (p.To != to || !p.Confided || len(p.Steps) != 1) {
			t.Errorf("%s: to %q, confided %v", dialled, p.To, p.Confided)
		}
	}
}

// TestForwardIsJudgedByItsOwner: a class holds for a forward at the time of the call, not when it was set.
func TestForwardIsJudgedByItsOwner(t *testing.T) {
	town := restricted()
	town.settings = map[string]provisioning.Settings{"d|2003": {Extension: "2003", Forward: provisioning.Forwarding{Always: &provisioning.Destination{Number: "0312345555"}}}}
	for at, status := range map[string]int{"09:00": 0, "20:00": 403} {
		p := Route(town, Request{Domain: "d", Extension: "2001", Dialled: "2003"}, day(at))
		if p.Refuse.Status != status {
			t.Errorf("at %s: %d (%s), want %d", at, p.Refuse.Status, p.Why, status)
		}
	}
}
