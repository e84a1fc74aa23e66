package route

import (
	"strings"

	"naisen/provisioning"
)

// Number is what rights and prices need to know of a number.
type Number struct {
	Class string // a class of provisioning
	E164  string // of class international and high-risk: the digits after +
	Risky string // of class high-risk: the code that makes it so
}

// highRisk are the codes behind which nobody's office is called by mistake, and where fraud collects its money: satellites and
// international networks (870 to 883), international premium and shared cost (979, 808, 878), the Caribbean part of +1, and countries whose
// number ranges are leased for it. Data, not law: rights may open each by name.
var highRisk = []string{
	"870", "878", "881", "882", "883", "888", "979", "808",
	"1242", "1246", "1264", "1268", "1284", "1345", "1441", "1473", "1649", "1658", "1664", "1721", "1758", "1767", "1784", "1809", "1829",
	"1849", "1868", "1869", "1876", "1900", "1976",
	"216", "220", "222", "224", "226", "228", "231", "232", "235", "236", "239", "240", "243", "245", "246", "247", "248", "252", "257", "261",
	"263", "265", "269", "290", "297", "370", "371", "372", "373", "375", "381", "382", "383", "387", "500", "509", "53", "592", "597",
	"670", "672", "674", "675", "676", "677", "678", "680", "681", "682", "683", "685", "686", "687", "688", "689", "690", "691", "692",
	"850", "960", "967", "994", "992", "993",
}

// domestic are the beginnings of Japan's numbers that are not geographic, and how many digits such a number has; 0: any.
var domestic = []struct {
	prefix, class string
}{
	{"0120", provisioning.ClassTollFree}, {"0800", provisioning.ClassTollFree},
	{"0570", provisioning.ClassNavi}, {"0180", provisioning.ClassNavi}, {"0170", provisioning.ClassService},
	{"0990", provisioning.ClassPremium}, {"099", provisioning.ClassNational}, {"0190", provisioning.ClassPremium}, {"0910", provisioning.ClassPremium},
	{"020", provisioning.ClassMobile}, {"060", provisioning.ClassMobile}, {"070", provisioning.ClassMobile}, {"080", provisioning.ClassMobile},
	{"090", provisioning.ClassMobile}, {"050", provisioning.ClassNational},
}

// Classify judges a number as a carrier in Japan would read it. What could reach another country by any reading is international.
func Classify(number string) Number {
	if n, ok := strings.CutPrefix(number, "184"); ok && n != "" { // caller identity per call; the number is what follows
		number = n
	} else if n, ok := strings.CutPrefix(number, "186"); ok && n != "" {
		number = n
	}
	abroad, plus := strings.CutPrefix(number, "+")
	if abroad == "" || strings.Trim(abroad, "0123456789") != "" {
		return Number{Class: provisioning.ClassOther}
	}
	switch {
	case plus:
		return international(abroad)
	case IsEmergency(number):
		return Number{Class: provisioning.ClassEmergency}
	case strings.HasPrefix(number, "00"): // the choice of a carrier here, another country elsewhere
		return Number{Class: provisioning.ClassOther}
	case strings.HasPrefix(number, "010"):
		return international(number[3:])
	case number[0] == '0':
		return national(number)
	case len(number) >= 10: // a carrier may take it as E.164 without its +
		return international(number)
	case number[0] == '1' && len(number) <= 4:
		return Number{Class: provisioning.ClassService}
	case number[0] == '1':
		return Number{Class: provisioning.ClassOther}
	case len(number) <= 5:
		return Number{Class: provisioning.ClassInternal}
	}
	return Number{Class: provisioning.ClassNational} // within the area, or a private network's
}

func national(number string) Number {
	for _, d := range domestic {
		if strings.HasPrefix(number, d.prefix) {
			return Number{Class: d.class}
		}
	}
	if len(number) > 10 { // too long for an area: 011 is abroad for a carrier of the North American plan
		return Number{Class: provisioning.ClassOther}
	}
	return Number{Class: provisioning.ClassNational}
}

// international takes the digits after the international prefix.
func international(e164 string) Number {
	if home, ok := strings.CutPrefix(e164, "81"); ok && home != "" {
		return Classify("0" + strings.TrimPrefix(home, "0"))
	}
	best := ""
	for _, code := range highRisk {
		if strings.HasPrefix(e164, code) && len(code) > len(best) {
			best = code
		}
	}
	if best != "" {
		return Number{Class: provisioning.ClassHighRisk, E164: e164, Risky: best}
	}
	return Number{Class: provisioning.ClassInternational, E164: e164}
}
