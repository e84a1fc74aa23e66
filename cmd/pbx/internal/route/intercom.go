package route

import (
	"naisen/provisioning"
	"naisen/sip"
)

// intercom is a call that the other telephone answers by itself: its microphone is switched on without a hand. So only somebody who dials it at
// an own telephone gets it, and nobody is sent there; who does not want to be disturbed, talks, or has calls sent elsewhere, is left alone.
func intercom(dir Directory, req Request, caller provisioning.Extension, number string, p Plan) Plan {
	t, ok := alone(dir, req, number)
	switch {
	case !req.Own:
		return refuse(403, "intercom: nobody is sent there")
	case number == caller.Number:
		return refuse(404, "intercom: the own extension")
	case !ok && !known(dir, req.Domain, number):
		return refuse(404, "intercom: no extension "+number)
	case !ok:
		return Plan{Refuse: sip.CauseBusy, Direction: Internal, To: number, Why: "intercom: extension " + number + " is not to be disturbed"}
	}
	p.Direction, p.To, p.Why = Internal, number, "intercom "+number
	p.Record = made(dir, req, caller, p)
	p.Steps = []Step{{Ring: AnswersItself, Targets: []Target{t}}}
	return p
}

func known(dir Directory, domain, number string) bool {
	_, ok := dir.Extension(domain, number)
	return ok
}
