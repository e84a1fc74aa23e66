package route

// conference is the plan that lets the caller into a room. The room's own policy records the caller's call, if none does already.
func conference(dir Directory, domain, number string, p Plan) (Plan, bool) {
	room, ok := dir.Conference(domain, number)
	if !ok {
		return Plan{}, false
	}
	p.Steps = []Step{{Run: Run{Verb: VerbConference, Name: room.Number}}}
	p.Why = "conference " + room.Number
	if p.Direction == "" {
		p.Direction = Internal
	}
	p.Record = p.also(record(dir, domain, room.Policy, room.Number, p.Language))
	return p, true
}
