package route

// conference is the plan that lets the caller into a room. The room's own policy records the caller's call, unless one does already.
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
	own, class := record(dir, domain, room.Policy, room.Number, p.Language), p.Record.Media
	if !p.Record.On {
		p.Record = own
	}
	p.Record.Media = Stricter(class, own.Media)
	return p, true
}
