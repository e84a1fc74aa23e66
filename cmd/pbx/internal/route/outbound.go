package route

import (
	"slices"
	"time"

	"naisen/provisioning"
	"naisen/sip/number"
)

// silence is how long a trunk that is not the last may say nothing: the next one must still find a patient caller.
const silence = 4 * time.Second

func outbound(dir Directory, req Request, caller provisioning.Extension, wish number.Presentation, p Plan) Plan {
	trunks, prefix := dir.TrunksFor(req.Domain, req.Dialled)
	site := siteOf(req, caller)
	var ways []provisioning.Trunk
	var meanings []string
	for _, way := range trunks {
		if way.Strip >= len(req.Dialled) || len(way.Sites) > 0 && !slices.Contains(way.Sites, site) {
			continue
		}
		if n := req.Dialled[way.Strip:]; IsEmergency(n) {
			return emergency(dir, req, caller, n, emergencyTrunks(dir, req, caller), p)
		}
		ways, meanings = append(ways, way), append(meanings, readings(req.Dialled, prefix, way)...)
	}
	if req.Shows != "" { // what was chosen is shown, or the call is not made
		ways = shownBy(ways, req.Shows)
		if len(ways) == 0 && len(meanings) > 0 {
			return notShown(req, "no trunk shows "+req.Shows)
		}
	}
	if len(ways) == 0 {
		if v := May(dir, req.judged(caller), req.Dialled); v.Denied && isOutside(req.Dialled) {
			return forbid(v, req.Dialled)
		}
		return refuse(404, "no extension, DID or trunk for the dialled number")
	}
	caller.CallerID = callerNumber(dir, req, caller)
	to := req.Dialled[ways[0].Strip:]
	v := May(dir, req.judged(caller), meanings...)
	if p.Charge = v.Charge; v.Denied {
		return forbid(v, to)
	}
	p.Direction, p.To, p.Why, p.Shown = Outbound, to, "trunk "+ways[0].Name, presented(caller, ways[0], wish)
	for i, way := range ways {
		p.Steps = append(p.Steps, Step{Ring: 3 * defaultRing, Fallback: i > 0, Targets: []Target{{Kind: ToTrunk, Number: req.Dialled[way.Strip:], Trunk: way.Name,
			Caller: caller.CallerID, Wish: wish, Silence: patience(i, len(ways))}}})
	}
	p.Record = made(dir, req, caller, p)
	return p
}

func (r Request) judged(caller provisioning.Extension) Judged {
	return Judged{Domain: r.Domain, Extension: caller.Number, At: r.now, PIN: r.PIN, Remote: r.Remote != OnPremises || r.Afar, Standing: r.Standing, From: r.From, Instance: r.Instance}
}

// patience: the last way has all the time that SIP allows.
func patience(i, n int) time.Duration {
	if i == n-1 {
		return 0
	}
	return silence
}

// presented is who the called side sees. An extension number means nothing outside and is nobody else's business.
func presented(caller provisioning.Extension, way provisioning.Trunk, wish number.Presentation) Shown {
	switch {
	case wish == number.PresentWithheld:
		return Shown{Withheld: true}
	case caller.CallerID != "":
		return Shown{Number: caller.CallerID}
	case way.CallerID != "":
		return Shown{Number: way.CallerID}
	}
	return Shown{Withheld: true}
}

func siteOf(req Request, caller provisioning.Extension) string {
	if req.Site != "" {
		return req.Site
	}
	return caller.Site
}
