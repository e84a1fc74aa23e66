package route

import (
	"net/netip"
	"testing"
	"time"

	"naisen/provisioning"
)

func TestClassify(t *testing.T) {
	for number, want := range map[string]Number{
		"0312345678": {Class: "national"}, "05012345678": {Class: "national"}, "03": {Class: "other"}, "0993123456": {Class: "national"},
		"09012345678": {Class: "mobile"}, "08012345678": {Class: "mobile"}, "08001234567": {Class: "toll-free"}, "0120123456": {Class: "toll-free"},
		"0570012345": {Class: "navi"}, "0990512345": {Class: "premium"}, "104": {Class: "service"}, "#7119": {Class: "service"}, "110": {Class: "emergency"},
		"2001": {Class: "internal"}, "31234567": {Class: "national"}, "18409012345678": {Class: "mobile"}, "1860990512345": {Class: "premium"},
		"+81312345678": {Class: "national"}, "+819012345678": {Class: "mobile"}, "+81990512345": {Class: "premium"}, "010819012345678": {Class: "mobile"},
		"+442071838750": {Class: "international", E164: "442071838750"}, "010442071838750": {Class: "international", E164: "442071838750"},
		"%2B442071838750": {Class: "international", E164: "442071838750"}, "00442071838750": {Class: "international", E164: "442071838750"},
		"0033010442071838750": {Class: "international", E164: "442071838750"}, "00330312345678": {Class: "national"},
		"442071838750": {Class: "international", E164: "442071838750"}, "9011442071838750": {Class: "other"},
		"+18765551234": {Class: "high-risk", E164: "18765551234", Risky: "1876"}, "01018765551234": {Class: "high-risk", E164: "18765551234", Risky: "1876"},
		"+870776123456": {Class: "high-risk", E164: "870776123456", Risky: "870"}, "+12125551234": {Class: "international", E164: "12125551234"},
		"+18005551234": {Class: "international", E164: "18005551234"}, "+19005551234": {Class: "high-risk", E164: "19005551234", Risky: "1900"},
		"011442071838750": {Class: "other"}, "": {Class: "other"}, "+": {Class: "other"}, "*70010441": {Class: "other"},
		"010,44207": {Class: "other"}, "1234567": {Class: "other"}, "184": {Class: "service"},
	} {
		if got := Classify(number); got != want {
			t.Errorf("%q: %+v, want %+v", number, got, want)
		}
	}
}

func FuzzClassify(f *testing.F) {
	for _, s := range []string{"+81+81", "01081010810108101", "184186184", "00", "9011"} {
		f.Add(s)
	}
	def := provisioning.DefaultRights()
	f.Fuzz(func(t *testing.T, number string) {
		n := Classify(number)
		if (n.Class == "international" || n.Class == "high-risk") != (n.E164 != "") {
			t.Errorf("%q: %+v", number, n)
		}
		if n.E164 != "" && def.Opens(n.Class, n.E164, n.Risky) {
			t.Errorf("%q is open by default: %+v", number, n)
		}
	})
}

// TestRights: threats B10 and B12. Nothing of a refused call reaches a trunk, because a refused plan has no step.
func TestRights(t *testing.T) {
	town := town()
	uk := &provisioning.Rights{Classes: []string{"national", "international", "high-risk"}, Countries: []string{"44", "1", "1876"}}
	town.extensions["d|2010"] = provisioning.Extension{Number: "2010", Rights: uk}
	town.extensions["d|2011"] = provisioning.Extension{Number: "2011", Rights: &provisioning.Rights{Classes: []string{"international"}, Countries: []string{"*"}}}
	town.extensions["d|2012"] = provisioning.Extension{Number: "2012", Rights: &provisioning.Rights{}}
	town.trunks = append(town.trunks, provisioning.Trunk{Name: "plus", Prefixes: []string{"+"}}, provisioning.Trunk{Name: "next", Prefixes: []string{"8"}})
	for _, c := range []struct {
		extension, dialled string
		status             int
		class              string
	}{
		{"2002", "0312345555", 0, "national"}, {"2002", "09012345678", 0, "mobile"}, {"2002", "0120444444", 0, "toll-free"},
		{"2002", "00442071838750", 403, "international"}, {"2002", "+442071838750", 403, "international"}, {"2002", "010442071838750", 403, "international"},
		{"2002", "9011442071838750", 403, "other"}, {"2002", "9010442071838750", 403, "international"}, {"2002", "90990512345", 403, "premium"},
		{"2002", "0990512345", 403, "premium"}, {"2002", "+81990512345", 403, "premium"}, {"2002", "1840990512345", 403, "premium"},
		{"2002", "*70010442071838", 403, "other"}, {"2002", "442071838750", 403, "international"},
		{"2002", "80990512345", 403, "premium"}, {"2002", "8010442071838750", 403, "international"}, // the next exchange takes its 8 off
		{"2002", "5999", 404, ""}, {"2002", "9", 404, ""}, {"2002", "0119", 0, ""},
		{"2010", "010442071838750", 0, "international"}, {"2010", "+12125551234", 0, "international"}, {"2010", "+33123456789", 403, "international"},
		{"2010", "+18765551234", 0, "high-risk"}, {"2010", "+18685551234", 403, "high-risk"}, {"2010", "09012345678", 403, "mobile"},
		{"2011", "+33123456789", 0, "international"}, {"2011", "+18765551234", 403, "high-risk"},
		{"2012", "0312345555", 403, "national"}, {"2012", "119", 0, ""}, {"2012", "9110", 0, ""}, {"2012", "2001", 0, ""},
	} {
		got := Route(town, Request{Domain: "d", Extension: c.extension, Dialled: c.dialled}, time.Time{})
		if got.Refuse.Status != c.status || got.Charge.Class != c.class && c.status != 404 || c.status != 0 && len(got.Steps) > 0 {
			t.Errorf("%s dials %s: %d %q %v (%s), want %d %q", c.extension, c.dialled, got.Refuse.Status, got.Charge.Class, got.Steps, got.Why, c.status, c.class)
		}
		if got.Refuse.Status == 403 && (!got.Charge.Denied || got.Charge.Extension != c.extension) {
			t.Errorf("%s dials %s: nobody is named for the refusal: %+v", c.extension, c.dialled, got.Charge)
		}
	}
}

// TestTrunkToTrunk: a call has nobody who pays when it goes from trunk to trunk, when its extension is gone, or in another domain.
func TestTrunkToTrunk(t *testing.T) {
	for _, who := range []string{"", "2003", "2999", "9"} {
		if c := May(town(), Judged{Domain: "d", Extension: who}, "0312345555"); !c.Denied {
			t.Errorf("%q may call out", who)
		}
	}
	if got := Route(town(), Request{Domain: "d", Trunk: "carrier", Number: "+815011112222", Dialled: "+81399990000"}, time.Time{}); got.Refuse.Status == 0 {
		t.Errorf("trunk to trunk: %+v", got)
	}
	if c := May(town(), Judged{Domain: "d", Extension: "2001"}, "0312345555"); c.Denied {
		t.Errorf("2001 may not: %+v", c)
	}
}

// What the rights open the policies of the domain may forbid; for help they are not even asked.
func TestPoliciesOfTheDomain(t *testing.T) {
	from := netip.MustParseAddr("192.0.2.1")
	v := May(town(), Judged{Domain: "d", Extension: "2001", From: from}, "07012345678")
	if want := "site: x/2001 mobile 192.0.2.1"; !v.Denied || v.Rule != want || v.Say != sayClosed || v.ByPIN {
		t.Errorf("%+v, want %s", v, want)
	}
	if v := May(town(), Judged{Domain: "d", Extension: "2001", From: from}, "08012345678"); v.Denied {
		t.Errorf("%+v", v)
	}
	for _, n := range []string{"110", "118", "119"} {
		if v := May(neverAsked{town()}, Judged{Domain: "d", Extension: "2001"}, n); v.Denied {
			t.Errorf("%s: %+v", n, v)
		}
	}
}

// neverAsked fails where a policy is asked.
type neverAsked struct{ Directory }

func (neverAsked) MayCall(string, provisioning.Called, time.Time) provisioning.Decision {
	return provisioning.Decision{Rule: "asked"}
}
