package route

import (
	"naisen/provisioning"
	"naisen/sip"
)

// rejected is the plan for an outside caller who is turned away. False: nothing forbids the call.
func rejected(dir Directory, req Request, did provisioning.DID, p Plan) (Plan, bool) {
	called := append([]string{did.Number, did.Group}, did.To...)
	for _, r := range dir.Rejections(req.Domain) {
		if !r.Meets(req.Number, req.Withheld, req.now, called...) {
			continue
		}
		why := "rejection " + r.Name
		if r.Announce == "" {
			return Plan{Refuse: sip.CauseDeclined, Direction: Inbound, To: did.Number, Why: why}, true
		}
		p = Announce(p, r.Announce, sip.CauseDeclined)
		p.Direction, p.To, p.Why = Inbound, did.Number, why
		if did.Language != "" {
			p.Language = did.Language
		}
		return p, true
	}
	return p, false
}
