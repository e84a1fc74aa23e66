package route

import (
	"slices"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/number"
)

// IsEmergency knows the emergency numbers of Japan: police, coast guard, fire and ambulance, with whatever people dial before them. No notice,
// no recording policy and no restriction applies to them; they need no outside prefix and go before an extension of the same number.
func IsEmergency(dialled string) bool {
	_, ok := number.Japan.Urgent(dialled)
	return ok
}

// emergencyTrunks are the ways out of an emergency call. Of a device whose site is known: the trunks that name the site, then those that take
// any site's number without losing where it is; help that looks for a fire in another town is no help. Without a site, or when no trunk
// names it, every trunk: those that are meant for the number first.
func emergencyTrunks(dir Directory, req Request, caller provisioning.Extension) []provisioning.Trunk {
	ways, _ := dir.TrunksFor(req.Domain, req.Dialled)
	ways = slices.Clone(ways)
	for _, t := range dir.Trunks(req.Domain) {
		if !slices.ContainsFunc(ways, func(w provisioning.Trunk) bool { return w.Name == t.Name }) {
			ways = append(ways, t)
		}
	}
	site := siteOf(req, caller)
	serves := func(t provisioning.Trunk) bool { return slices.Contains(t.Sites, site) }
	if site == "" || !slices.ContainsFunc(ways, serves) {
		return ways
	}
	var own, anywhere []provisioning.Trunk
	for _, t := range ways {
		switch {
		case serves(t):
			own = append(own, t)
		case t.EmergencyAnywhere:
			anywhere = append(anywhere, t)
		}
	}
	return append(own, anywhere...)
}

// lost says that nobody knows where help would have to go: to no mobile beyond a trunk ever, and to no softphone outside the premises, unless the domain would
// rather send it to the extension's site.
func lost(dir Directory, req Request) bool {
	if req.Afar {
		return true
	}
	d, _ := dir.Domain(req.Domain)
	return req.Remote == RemoteSoft && !d.Remote.CallsHelp()
}

// sayOwnDialler advises to call for help with the mobile's own dialler: its network knows where it is.
const sayOwnDialler = "call/emergency-mobile"

// emergency tries one way out after the other until somebody answers. Who calls is the device's site, never the person who signed in on
// it; without a site it is the number of the extension.
func emergency(dir Directory, req Request, caller provisioning.Extension, to string, ways []provisioning.Trunk, p Plan) Plan {
	if lost(dir, req) {
		return Plan{Refuse: sip.CauseForbidden, Say: sayOwnDialler, Direction: Outbound, To: to, Why: "nobody knows where " + caller.Number + " is"}
	}
	caller = device(dir, req, caller)
	p.Direction, p.To, p.Emergency, p.Why = Outbound, to, true, "emergency by trunk "+ways[0].Name
	p.Shown, p.Record = presented(caller, ways[0], number.PresentDefault), Record{}
	id := caller.CallerID
	if site, ok := dir.Site(req.Domain, siteOf(req, caller)); ok {
		id, p.Site, p.Shown = site.EmergencyNumber, site.Name, Shown{Number: site.EmergencyNumber}
		p.Record.DSCP = site.DSCP
	}
	for i, way := range ways {
		p.Steps = append(p.Steps, Step{Ring: 3 * defaultRing, Targets: []Target{{Kind: ToTrunk, Number: to, Trunk: way.Name, Caller: id,
			Emergency: true, Silence: patience(i, len(ways))}}})
	}
	return p
}

// device is the extension of the telephone from which somebody calls: help comes to the desk, not to the person's own place.
func device(dir Directory, req Request, caller provisioning.Extension) provisioning.Extension {
	if desk, ok := dir.Extension(req.Domain, req.Desk); ok {
		return desk
	}
	return caller
}

// callBack rings the device from which the emergency call came, and everybody whom the number reaches anyway. Nothing that people set for
// their comfort stands in the way, and nothing is announced.
func callBack(dir Directory, req Request, p Plan) (Plan, bool) {
	p.Direction, p.CallBack, p.Why = Inbound, true, "call back to "+req.CallBack
	step := Step{Ring: 3 * defaultRing}
	if e, ok := dir.Extension(req.Domain, req.CallBack); ok && !e.Disabled {
		step.Targets = append(step.Targets, toExtension(e, ""))
	}
	if did, ok := dir.DID(req.Domain, req.Dialled); ok {
		group, _ := dir.Group(req.Domain, did.Group)
		for _, n := range slices.Concat(did.To, group.Members) {
			if e, ok := dir.Extension(req.Domain, n); ok && !e.Disabled && n != req.CallBack {
				step.Targets = append(step.Targets, toExtension(e, ""))
			}
		}
	}
	p.Steps, p.Record = []Step{step}, Record{Notice: NoticeNone}
	return p, len(step.Targets) > 0
}
