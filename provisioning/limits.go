package provisioning

import (
	"slices"
	"strconv"
	"strings"
)

// Classes of numbers that rights and tariffs speak of. Internal and emergency calls are never limited and have no right of their own.
const (
	ClassInternal      = "internal"      // extensions, and numbers of a private network behind a trunk
	ClassEmergency     = "emergency"     // 110, 118, 119
	ClassNational      = "national"      // geographic and 050
	ClassMobile        = "mobile"        // 060 to 090
	ClassTollFree      = "toll-free"     // 0120, 0800
	ClassNavi          = "navi"          // 0570: the caller pays more than a local call
	ClassService       = "service"       // 1XY: directory assistance, time, weather
	ClassPremium       = "premium"       // 0990 and what else the called one is paid for
	ClassInternational = "international" // to the countries that the rights list
	ClassHighRisk      = "high-risk"     // satellites, international premium, and countries known for it: each must be listed by its code
	ClassOther         = "other"         // no number of the plan
)

// RightClasses are what Rights may open. Nobody needs the right to call a colleague, or for help.
func RightClasses() []string {
	return []string{ClassNational, ClassMobile, ClassTollFree, ClassNavi, ClassService, ClassPremium, ClassInternational, ClassHighRisk, ClassOther}
}

// Rights say which outside numbers may be called. What is not named is closed.
type Rights struct {
	Classes   []string `json:"classes"`
	Countries []string `json:"countries"` // country codes without +, "44" or "1212"; "*": all that are not high-risk. For international and high-risk
}

// DefaultRights are those of a domain that says nothing: premium numbers and other countries are closed.
func DefaultRights() Rights {
	return Rights{Classes: []string{ClassNational, ClassMobile, ClassTollFree, ClassNavi, ClassService}, Countries: []string{}}
}

// Opens tells whether the rights open a number of this class. e164 has the digits of an international number without +, and risky is the
// high-risk code that it begins with: such a number is open only to somebody for whom at least that code is listed.
func (r Rights) Opens(class, e164, risky string) bool {
	switch class {
	case ClassInternal, ClassEmergency:
		return true
	case ClassInternational, ClassHighRisk:
		return slices.Contains(r.Classes, class) && slices.ContainsFunc(r.Countries, func(c string) bool {
			if class == ClassHighRisk {
				return strings.HasPrefix(c, risky) && strings.HasPrefix(e164, c)
			}
			return c == "*" || strings.HasPrefix(e164, c)
		})
	}
	return slices.Contains(r.Classes, class)
}

// Unlimited in a field of Limits takes the limit away. 0 is the default of that field.
const Unlimited = -1

// Limits bound what outside calls may cost. They count for the one who pays: the caller, or who forwarded or transferred.
type Limits struct {
	Calls          int `json:"calls"`            // outside calls at once
	ForeignPerHour int `json:"foreign_per_hour"` // calls to other countries begun in any hour
	MinutesPerDay  int `json:"minutes_per_day"`  // of talk, from midnight in the domain's country
	YenPerDay      int `json:"yen_per_day"`      // by the domain's tariff; at the limit running calls end
}

// Defaults of the limits: threats.md B11, and a budget that no honest desk phone meets.
func defaultExtensionLimits() Limits { return Limits{2, 29, Unlimited, 20_000} }
func defaultDomainLimits() Limits    { return Limits{Unlimited, 300, Unlimited, Unlimited} }

// or fills the fields that l leaves to d.
func (l Limits) or(d Limits) Limits {
	fill := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	fill(&l.Calls, d.Calls)
	fill(&l.ForeignPerHour, d.ForeignPerHour)
	fill(&l.MinutesPerDay, d.MinutesPerDay)
	fill(&l.YenPerDay, d.YenPerDay)
	return l
}

// Tariff is the price of a class of numbers, or of one country in it. The longest country code that fits decides.
type Tariff struct {
	Class        string  `json:"class"`
	Country      string  `json:"country,omitempty"` // of international and high-risk; empty: all others
	YenPerMinute float64 `json:"yen_per_minute"`    // at most three decimals count
}

// DefaultTariffs are round prices on the dear side: a budget counted with them ends too early rather than too late.
func DefaultTariffs() []Tariff {
	return []Tariff{{ClassNational, "", 4}, {ClassMobile, "", 20}, {ClassTollFree, "", 0}, {ClassNavi, "", 60}, {ClassService, "", 60},
		{ClassPremium, "", 300}, {ClassInternational, "", 200}, {ClassHighRisk, "", 600}, {ClassOther, "", 60}}
}

// RightsOf an extension: its own, or the domain's, or the default.
func (d Domain) RightsOf(e Extension) Rights {
	switch {
	case e.Rights != nil:
		return *e.Rights
	case d.Rights != nil:
		return *d.Rights
	}
	return DefaultRights()
}

// LimitsOf an extension, field by field: its own, or what the domain gives each extension, or the default.
func (d Domain) LimitsOf(e Extension) Limits {
	var l Limits
	if e.Limits != nil {
		l = *e.Limits
	}
	if d.ExtensionLimits != nil {
		l = l.or(*d.ExtensionLimits)
	}
	return l.or(defaultExtensionLimits())
}

// LimitsOfAll is what the whole domain may spend together.
func (d Domain) LimitsOfAll() Limits {
	var l Limits
	if d.Limits != nil {
		l = *d.Limits
	}
	return l.or(defaultDomainLimits())
}

// Price of a minute in thousandths of a yen. A class without a tariff costs as much as the dearest: a gap in the table is no free call.
func (d Domain) Price(class, e164 string) int64 {
	if class == ClassInternal || class == ClassEmergency {
		return 0
	}
	list := d.Tariffs
	if len(list) == 0 {
		list = DefaultTariffs()
	}
	best, dearest := -1, 0
	for i, t := range list {
		if t.YenPerMinute > list[dearest].YenPerMinute {
			dearest = i
		}
		if t.Class == class && strings.HasPrefix(e164, t.Country) && (best < 0 || len(t.Country) > len(list[best].Country)) {
			best = i
		}
	}
	if best < 0 {
		best = dearest
	}
	return int64(list[best].YenPerMinute*1000 + 0.5)
}

const (
	maxCountries = 250
	maxTariffs   = 300
	maxYen       = 1_000_000_000
)

func (r *Rights) normal() *Rights {
	if r == nil {
		return nil
	}
	return &Rights{list(r.Classes), list(r.Countries)}
}

func (r *Rights) check(c *check, field string) {
	if r == nil {
		return
	}
	c.list(field+".classes", len(r.Classes), 0, len(RightClasses()))
	c.each(field+".classes", r.Classes, func(at, s string) { c.oneOf(at, s, RightClasses()...) })
	c.list(field+".countries", len(r.Countries), 0, maxCountries)
	c.each(field+".countries", r.Countries, func(at, s string) {
		if s != "*" {
			countryCode(c, at, s)
		}
	})
	abroad := slices.Contains(r.Classes, ClassInternational) || slices.Contains(r.Classes, ClassHighRisk)
	c.must(abroad == (len(r.Countries) > 0), field+".countries", "goes with the classes international and high-risk, which open what it lists")
}

func countryCode(c *check, at, s string) {
	c.must(s != "" && len(s) <= 8 && only(s, digits) && s[0] != '0', at, "must be a country code of 1 to 8 digits, not beginning with 0")
}

func (l *Limits) check(c *check, field string) {
	if l == nil {
		return
	}
	c.between(field+".calls", l.Calls, Unlimited, 10_000)
	c.between(field+".foreign_per_hour", l.ForeignPerHour, Unlimited, 10_000)
	c.between(field+".minutes_per_day", l.MinutesPerDay, Unlimited, 10_000_000)
	c.between(field+".yen_per_day", l.YenPerDay, Unlimited, maxYen)
}

func checkTariffs(c *check, list []Tariff) {
	c.list("tariffs", len(list), 0, maxTariffs)
	for i, t := range list {
		if c.err != nil {
			return
		}
		at := "tariffs[" + strconv.Itoa(i) + "]"
		c.oneOf(at+".class", t.Class, RightClasses()...)
		if t.Country != "" {
			c.must(t.Class == ClassInternational || t.Class == ClassHighRisk, at+".country", "goes with international and high-risk")
			countryCode(c, at+".country", t.Country)
		}
		c.must(t.YenPerMinute >= 0 && t.YenPerMinute <= 100_000, at+".yen_per_minute", "must be 0 to 100000")
		c.must(!slices.ContainsFunc(list[:i], func(o Tariff) bool { return o.Class == t.Class && o.Country == t.Country }), at, "is there twice")
	}
}
