package route

import (
	"strings"
	"testing"

	"naisen/provisioning"
)

// TestShortNumbers: a short number is what it stands for, by the rights of whoever dials it, and none hides a call for help.
func TestShortNumbers(t *testing.T) {
	town := restricted()
	town.short = map[string]string{"d|2001|1": "2002", "d|2001|12": "09012345678", "d|2004|12": "09012345678", "d|2004|9": "119", "d|2001|7": "18409012345678", "d|2001|8": "0312340001", "d|2001|3": "*72"}
	town.dids["d|+81312340001"] = provisioning.DID{Number: "+81312340001", To: []string{"2002"}}
	for _, c := range []struct {
		extension, dialled, to, say, why string
	}{
		{"2001", "*01", "2002", "", "short number 1, extension 2002"},
		{"2001", "*01#", "2002", "", "short number 1, extension 2002"},
		{"2001", "*012", "09012345678", "", "short number 12, trunk"},
		{"2001", "*08", "+81312340001", "", "own DID"},
		{"2004", "*012", "09012345678", "call/barred", "short number 12, class inside of 2004: mobile is closed"},
		{"2004", "*09", "119", "", "emergency"},
		{"2001", "*02", "*02", "call/unallocated", "no short number 2"},
		{"2001", "*0", "*0", "call/unallocated", "no short number"},
		{"2001", "*03", "*03", "call/unallocated", "no short number 3"},
		{"2002", "*01", "*01", "call/unallocated", "no short number 1"}, // another's list
	} {
		p := Route(town, Request{Domain: "d", Extension: c.extension, Dialled: c.dialled, Device: "x"}, day("09:00"))
		if p.To != c.to || p.Say != c.say || (p.Refuse.Status != 0) != (c.say != "") || !strings.Contains(p.Why, c.why) {
			t.Errorf("%s dials %s: %d to %q, %q, %q", c.extension, c.dialled, p.Refuse.Status, p.To, p.Say, p.Why)
		}
		if len(p.Steps) > 0 && p.Steps[0].Targets[0].Device != "" {
			t.Errorf("%s: only one device of whom it stands for rings", c.dialled)
		}
	}
	town.codes = provisioning.FeatureCodes{Codes: []provisioning.FeatureCode{{Feature: provisioning.FeatureShortSet, Code: "*75"}}}
	for own, status := range map[bool]int{true: 0, false: 403} { // nobody is sent there who would press the keys
		p := Route(town, Request{Domain: "d", Extension: "2001", Dialled: "*7512", Own: own}, day("09:00"))
		if p.Refuse.Status != status || own && (p.Steps[0].Run.Name != provisioning.FeatureShortSet || p.Steps[0].Run.Data[Argument] != "12") {
			t.Errorf("own %v: %d %+v", own, p.Refuse.Status, p.Steps)
		}
	}
	if p := Route(town, Request{Domain: "d", Extension: "2001", Dialled: "*7612", Own: true}, day("09:00")); p.Refuse.Status == 0 {
		t.Errorf("a code that the domain did not name: %s", p.Why)
	}
	if p := Route(town, Request{Domain: "d", Extension: "2001", Dialled: "*07"}, day("09:00")); !p.Shown.Withheld || p.To != "09012345678" {
		t.Errorf("184 in a short number: %+v", p.Shown)
	}
}
