package provisioning

import "testing"

func TestLimitsOfFillsFieldByField(t *testing.T) {
	d := Domain{ExtensionLimits: &Limits{Calls: 5, YenPerDay: Unlimited}}
	for name, c := range map[string]struct{ got, want Limits }{
		"the default":         {Domain{}.LimitsOf(Extension{}), Limits{2, 29, Unlimited, 20_000}},
		"the domain's":        {d.LimitsOf(Extension{}), Limits{5, 29, Unlimited, Unlimited}},
		"its own":             {d.LimitsOf(Extension{Limits: &Limits{Calls: 1, MinutesPerDay: 7}}), Limits{1, 29, 7, Unlimited}},
		"the whole domain":    {d.LimitsOfAll(), Limits{Unlimited, 300, Unlimited, Unlimited}},
		"all of it, by field": {Domain{Limits: &Limits{YenPerDay: 9}}.LimitsOfAll(), Limits{Unlimited, 300, Unlimited, 9}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", name, c.got, c.want)
		}
	}
}

func TestPrice(t *testing.T) {
	d := Domain{Tariffs: []Tariff{{"mobile", "", 20.5}, {"international", "", 100}, {"international", "1", 8}, {"international", "1212", 6.001}}}
	for _, c := range []struct {
		d           Domain
		class, e164 string
		want        int64
	}{
		{d, ClassMobile, "", 20_500}, {d, ClassInternational, "4420", 100_000}, {d, ClassInternational, "1310555", 8000},
		{d, ClassInternational, "12125551234", 6001}, {d, ClassPremium, "", 100_000}, {d, ClassInternal, "", 0}, {d, ClassEmergency, "", 0},
		{Domain{}, ClassTollFree, "", 0}, {Domain{}, ClassPremium, "", 300_000}, {Domain{}, "unheard-of", "", 600_000},
	} {
		if got := c.d.Price(c.class, c.e164); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.class, c.e164, got, c.want)
		}
	}
}

func TestRightsAreClosedByDefault(t *testing.T) {
	all := Rights{Classes: RightClasses(), Countries: []string{"*", "1876"}}
	for _, c := range []struct {
		r                  Rights
		class, e164, risky string
		want               bool
	}{
		{DefaultRights(), ClassNational, "", "", true}, {DefaultRights(), ClassPremium, "", "", false}, {DefaultRights(), ClassInternational, "44", "", false},
		{DefaultRights(), ClassHighRisk, "1876", "1876", false}, {DefaultRights(), ClassOther, "", "", false}, {DefaultRights(), "", "", "", false},
		{Rights{}, ClassInternal, "", "", true}, {Rights{}, ClassEmergency, "", "", true}, {Rights{}, ClassNational, "", "", false},
		{all, ClassInternational, "4420", "", true}, {all, ClassHighRisk, "18765551234", "1876", true}, {all, ClassHighRisk, "870776", "870", false},
		{Rights{Classes: []string{"high-risk"}, Countries: []string{"1"}}, ClassHighRisk, "18765551234", "1876", false},
	} {
		if got := c.r.Opens(c.class, c.e164, c.risky); got != c.want {
			t.Errorf("%v opens %s %s: %v", c.r, c.class, c.e164, got)
		}
	}
}
