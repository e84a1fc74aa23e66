package route

import (
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/number"
)

// short routes what a short number of the caller stands for, as if that had been dialled: by the caller's rights, and for help without any.
// Lists hold no codes, so one short number never leads to another.
func short(dir Directory, req Request, caller provisioning.Extension, code string) Plan {
	n, ok := dir.ShortNumber(req.Domain, caller, code)
	if !ok || n == "" || n[0] == '*' || n[0] == '#' {
		return Plan{Refuse: sip.CauseNotFound, Say: "call/unallocated", Direction: Internal, To: req.Dialled, Why: "no short number " + code}
	}
	now := req.now
	req.Dialled, req.Device = n, ""
	req.E164, _ = number.Japan.E164(n)
	p := Route(dir, req, now)
	p.Why = "short number " + code + ", " + p.Why
	return p
}
