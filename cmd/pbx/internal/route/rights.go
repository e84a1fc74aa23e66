package route

import (
	"net/netip"
	"time"

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

// Judged is who sends a call out, and how.
type Judged struct {
	Domain, Extension string
	At                time.Time
	PIN               bool // the personal PIN was given
	Remote            bool // the telephone is outside the premises
	Standing          bool // by a wish that stood before, such as a forward: that nobody may dial at the telephone now does not matter
	From              netip.Addr
	Instance          string // see Request
}

// Verdict is what comes of it: who pays, and by which rule.
type Verdict struct {
	Charge
	Rule  string // for people who ask why
	Say   string // of what is denied: the prompt that tells the caller why
	ByPIN bool   // what is denied would be open with the personal PIN
}

// Prompts that tell why a number is closed.
const (
	sayClosed   = "call/barred"
	sayNight    = "restriction/night"
	sayLocked   = "restriction/locked"
	sayNeedsPIN = "restriction/needs-pin"
)

// May judges what an extension sends out: the number as the carrier gets it, and every other reading of what was dialled. It is the one place
// where outbound rights are decided: for a call of its own, and for a REFER, a redirection or a forward that it set (threats B10, B12).
// Nobody pays for a call from trunk to trunk, so it is refused. The number of the verdict is the most expensive reading.
func May(dir Directory, who Judged, readings ...string) Verdict {
	d, ok := dir.Domain(who.Domain)
	e, known := dir.Extension(who.Domain, who.Extension)
	contract := dir.Contract(who.Domain, who.Extension)
	if !ok || !known || e.Disabled || contract.Over(who.At) || len(readings) == 0 {
		return Verdict{Charge: Charge{Class: provisioning.ClassOther, Denied: true}, Rule: "nobody answers for it", Say: sayClosed}
	}
	open := OpenTo(dir, who.Domain, e, who.At)
	locked := !who.Standing && !who.PIN && dir.Settings(who.Domain, who.Extension).Locked
	var worst Verdict
	for i, r := range readings {
		v := open.judge(r, who.PIN)
		if v.Class != provisioning.ClassEmergency && !contract.MayCall(forms(r)...) {
			v.Denied, v.ByPIN, v.Rule, v.Say = true, false, "not in the contract of "+who.Extension, sayClosed
		}
		if v.Extension = who.Extension; locked && v.Class != provisioning.ClassInternal {
			v.Denied, v.ByPIN, v.Rule, v.Say = true, false, "the telephone of "+who.Extension+" is locked", sayLocked
		}
		if !v.Denied {
			v.remote(dir, d, who, r)
		}
		if !v.Denied {
			v.policies(dir, who, r)
		}
		if i == 0 || v.Denied && !worst.Denied || v.Denied == worst.Denied && d.Price(v.Class, v.E164) > d.Price(worst.Class, worst.E164) {
			worst = v
		}
	}
	return worst
}

// policies of the domain may forbid what the rights open. They are not asked about numbers inside, and never about help.
func (v *Verdict) policies(dir Directory, who Judged, reading string) {
	if v.Class == provisioning.ClassInternal || v.Class == provisioning.ClassEmergency {
		return
	}
	n := reading
	if i := number.Japan.Classify(reading); i.E164 {
		n = i.Number
	}
	if d := dir.MayCall(who.Domain, provisioning.Called{Extension: who.Extension, Number: n, Class: v.Class, Address: who.From, Device: who.Instance}, who.At); !d.Allowed {
		v.Denied, v.Rule, v.Say = true, d.Rule, sayClosed
	}
}

// Open is what an extension may call at a moment.
type Open struct {
	provisioning.Rights
	class provisioning.Restriction // zero: none, the rights are all
	mode  string                   // of the class's calendar
	of    string                   // whose rights they are
}

// OpenTo are the rights of an extension: those of its owner's contract, its own, or those of its class of restriction, or of its department's, or the domain's.
func OpenTo(dir Directory, domain string, e provisioning.Extension, now time.Time) Open {
	name := e.Restriction
	if c := dir.Contract(domain, e.Number); c != nil && c.Restriction != "" {
		name = c.Restriction
	}
	if name == "" && e.Rights == nil {
		dep, _ := dir.Department(domain, e.Department)
		name = dep.Restriction
	}
	class, ok := dir.Restriction(domain, name)
	if name == "" || !ok {
		d, _ := dir.Domain(domain)
		return Open{Rights: d.RightsOf(e), mode: provisioning.ModeDay, of: "rights of " + e.Number}
	}
	calendar, _ := dir.Calendar(domain, class.Calendar)
	o := Open{class: class, of: "class " + class.Name + " of " + e.Number}
	if o.Rights, o.mode = class.At(calendar, now); o.mode != provisioning.ModeDay {
		o.of += " in " + o.mode + " mode"
	}
	return o
}

// judge looks at one reading of what was dialled.
func (o Open) judge(reading string, pin bool) Verdict {
	n := Classify(reading)
	v := Verdict{Charge: Charge{Class: n.Class, E164: n.E164}, Rule: o.of}
	if n.Class == provisioning.ClassInternal || n.Class == provisioning.ClassEmergency {
		return v
	}
	byPIN := o.class.WithPIN != nil && o.class.WithPIN.Opens(n.Class, n.E164, n.Risky)
	if named, barred := o.class.Names(forms(reading)...); named || barred {
		v.Denied, v.Rule = barred, o.of+": the number is listed"
		if barred {
			v.Say = sayClosed
		}
		return v
	}
	if o.Opens(n.Class, n.E164, n.Risky) {
		return v
	}
	if byPIN && pin {
		v.Rule += " with the PIN"
		return v
	}
	v.Denied, v.ByPIN, v.Say, v.Rule = true, byPIN, sayClosed, o.of+": "+n.Class+" is closed"
	switch {
	case byPIN:
		v.Say = sayNeedsPIN
		v.Rule += " without the PIN"
	case o.mode != provisioning.ModeDay && o.class.Rights.Opens(n.Class, n.E164, n.Risky):
		v.Say = sayNight
	}
	return v
}

// forms are the ways in which a class may name a number: as it is dialled inside the country, and as E.164.
func forms(reading string) []string {
	i := number.Japan.Classify(reading)
	if i.E164 {
		return []string{i.Number, number.Japan.National(i.Number)}
	}
	return []string{i.Number}
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
