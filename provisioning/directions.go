package provisioning

// Directions names recording policies by the direction of a call, seen from the organisation. They count beside every other policy that a call comes
// under, and none takes away what another one demands.
type Directions struct {
	Incoming string `json:"incoming,omitempty" doc:"Of calls from outside"`
	Outgoing string `json:"outgoing,omitempty" doc:"Of calls to the outside"`
	Internal string `json:"internal,omitempty" doc:"Of calls inside"`
}

// each is every policy that is named, by its field under one of that name.
func (d *Directions) each(field string, yield func(field, policy string)) {
	if d == nil {
		return
	}
	for _, n := range [...][2]string{{"incoming", d.Incoming}, {"outgoing", d.Outgoing}, {"internal", d.Internal}} {
		if n[1] != "" {
			yield(field+"."+n[0], n[1])
		}
	}
}

func (d *Directions) refs(field string) []Ref {
	var out []Ref
	d.each(field, func(field, policy string) { out = append(out, Ref{field, KindPolicy, policy}) })
	return out
}

func (d *Directions) check(c *check, field string) {
	d.each(field, func(field, policy string) { c.name(field, policy) })
}
