package route

import (
	"naisen/provisioning"
	"naisen/sip/number"
)

// Charge is who pays for an outside call, and for what. The zero value is a call that costs nobody anything.
type Charge struct {
	Extension string // whose rights and limits it is: the caller, or who forwarded or transferred
	Class     string // of the number, as provisioning names them
	E164      string // of a number abroad: the digits after +
	Denied    bool   // the rights, or a limit, refused
}

// Foreign says that the call leaves the country.
func (c Charge) Foreign() bool {
	return c.Class == provisioning.ClassInternational || c.Class == provisioning.ClassHighRisk
}

// May judges what an extension sends out: the number as the carrier gets it, and every other reading of what was dialled. It is the one place
// where outbound rights are decided: for a call of its own, and for a REFER, a redirection or a forward that it set (threats B10, B12).
// Nobody pays for a call from trunk to trunk, so it is refused. The number of the Charge is the most expensive reading.
func May(dir Directory, domain, extension string, readings ...string) Charge {
	d, ok := dir.Domain(domain)
	e, known := dir.Extension(domain, extension)
	if !ok || !known || e.Disabled || len(readings) == 0 {
		return Charge{Class: provisioning.ClassOther, Denied: true}
	}
	rights := d.RightsOf(e)
	var worst Charge
	for i, r := range readings {
		n := Classify(r)
		c := Charge{Extension: extension, Class: n.Class, E164: n.E164, Denied: !rights.Opens(n.Class, n.E164, n.Risky)}
		if i == 0 || c.Denied && !worst.Denied || c.Denied == worst.Denied && d.Price(c.Class, c.E164) > d.Price(worst.Class, worst.E164) {
			worst = c
		}
	}
	return worst
}

// readings are the numbers that what was dialled may mean beyond a trunk. When the trunk takes off its whole prefix the prefix was an access
// code and no part of a number; else a carrier may read all of it, or take the prefix off itself.
func readings(dialled, prefix string, way provisioning.Trunk) []string {
	if way.Strip >= len(dialled) {
		return nil
	}
	out := []string{dialled[way.Strip:]}
	if way.Strip == len(prefix) && way.Strip > 0 {
		return out
	}
	if way.Strip > 0 {
		out = append(out, dialled)
	}
	if p := prefix; p != "" && p[0] != '0' && p[0] != '+' && len(dialled) > 6 { // an access code of the next exchange, not the begin of a number
		out = append(out, dialled[len(p):])
	}
	return out
}

// isOutside: what was dialled without a way out was meant for a telephone far away, not for a colleague or a feature.
func isOutside(dialled string) bool {
	n := number.Clean(dialled)
	return len(n) > 6 && number.Valid(n)
}
