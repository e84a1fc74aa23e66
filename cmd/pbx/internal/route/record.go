package route

import "naisen/provisioning"

// Recording is how a call of a number is recorded under a policy of the domain; an unknown policy records nothing.
func Recording(dir Directory, domain, policy, number, language string) Record {
	return record(dir, domain, policy, number, language)
}

func record(dir Directory, domain, policy, number, language string) Record {
	pol, ok := dir.Policy(domain, policy)
	if policy == "" || !ok || !pol.Record {
		return Record{Notice: NoticeNone, Media: pol.Media, DSCP: pol.DSCP}
	}
	return Record{On: true, Media: pol.Media, DSCP: pol.DSCP, Number: number, Policy: pol.Name,
		Language: language, Refuse: pol.OnFailure == "refuse", Retention: pol.RetentionDays}.told(pol)
}

// made is how the calls that an extension makes are recorded. Who only sends somebody else there, or pays, does not take part.
func made(dir Directory, req Request, caller provisioning.Extension, p Plan) Record {
	r := record(dir, req.Domain, caller.Record, caller.Number, p.Language)
	if req.Away {
		return Record{Notice: NoticeNone, Media: r.Media, DSCP: r.DSCP}
	}
	return r
}

// And is how a call is recorded that is recorded as r and now touches a number with a policy of its own: as the strictest of both wants. It stays
// one case, that of the number which demanded it first; what somebody switched on by hand was demanded by none.
func (r Record) And(next Record) Record {
	switch {
	case !next.On:
		r.Media = Stricter(r.Media, next.Media)
		return r
	case !r.On:
		if next.DSCP == 0 {
			next.DSCP = r.DSCP
		}
		next.Media = Stricter(r.Media, next.Media)
		return next
	}
	if r.ByHand && !next.ByHand {
		r.ByHand, r.Number, r.Policy = false, next.Number, next.Policy
	}
	r = r.announced(next)
	r.Refuse = r.Refuse || next.Refuse
	if r.Retention > 0 { // 0: for ever
		r.Retention = max(r.Retention, next.Retention)
		if next.Retention == 0 {
			r.Retention = 0
		}
	}
	r.Media = Stricter(r.Media, next.Media)
	return r
}

// also is a plan's recording with that of one more number on the way.
func (p Plan) also(r Record) Record {
	if p.Record.On {
		return p.Record.And(r)
	}
	return r.And(p.Record)
}
