package route

import (
	"strings"

	"naisen/provisioning"
	"naisen/sip/number"
)

// Number is what rights and prices need to know of a number.
type Number struct {
	Class string // a class of provisioning
	E164  string // of class international and high-risk: the digits after +
	Risky string // of class high-risk: the code that rights must name to open it
}

// classes are the numbering plan's in the words of rights. What is missing is closed with "other".
var classes = map[number.Class]string{
	number.Emergency: provisioning.ClassEmergency, number.Service: provisioning.ClassService, number.National: provisioning.ClassNational,
	number.IP: provisioning.ClassNational, number.Mobile: provisioning.ClassMobile, number.Pager: provisioning.ClassMobile,
	number.Personal: provisioning.ClassMobile, number.Machine: provisioning.ClassMobile, number.TollFree: provisioning.ClassTollFree,
	number.SharedCost: provisioning.ClassNavi, number.Premium: provisioning.ClassPremium,
}

// Classify judges a number that goes out by a trunk as a carrier in Japan would read it. What could reach another country is international.
func Classify(dialled string) Number {
	i := number.Japan.Classify(dialled)
	if i.Class == number.Internal {
		if !number.Digits(i.Number) {
			return Number{Class: provisioning.ClassOther} // a feature code is no number; behind a carrier it may be anything
		}
		switch n := len(i.Number); {
		case n <= 5:
			return Number{Class: provisioning.ClassInternal} // of a private network behind the trunk
		case n < 10 && i.Number[0] != '1':
			return Number{Class: provisioning.ClassNational} // within the area
		case n < 10:
			return Number{Class: provisioning.ClassOther}
		}
		i = number.Japan.Classify("+" + i.Number) // a carrier may take it as E.164 without its +
	}
	if i.Code == "" {
		if c, ok := classes[i.Class]; ok {
			return Number{Class: c}
		}
		return Number{Class: provisioning.ClassOther}
	}
	digits := strings.TrimPrefix(i.Number, "+")
	if !i.HighRisk && (i.Class == number.International || i.Class == number.TollFree) { // no call abroad is free
		return Number{Class: provisioning.ClassInternational, E164: digits}
	}
	risky := i.Code
	if risky == "1" { // of the countries under +1 each is named by its area
		risky = digits[:min(4, len(digits))]
	}
	return Number{Class: provisioning.ClassHighRisk, E164: digits, Risky: risky}
}
