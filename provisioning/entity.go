package provisioning

import "strconv"

func (Domain) Kind() string          { return KindDomain }
func (User) Kind() string            { return KindUser }
func (Extension) Kind() string       { return KindExtension }
func (DID) Kind() string             { return KindDID }
func (Trunk) Kind() string           { return KindTrunk }
func (RecordingPolicy) Kind() string { return KindPolicy }

// Key of each kind, unique in its domain. A Domain is its own domain.
func (d Domain) Key() string          { return d.Name }
func (u User) Key() string            { return u.Name }
func (e Extension) Key() string       { return e.Number }
func (d DID) Key() string             { return d.Number }
func (t Trunk) Key() string           { return t.Name }
func (p RecordingPolicy) Key() string { return p.Name }

func (p RecordingPolicy) Refs() []Ref { return refs("outside", KindTrunk, p.Outside) }

// Refs of a domain: recording policies of its calls, and the class of remote work.
func (d Domain) Refs() []Ref { return append(d.Recording.refs("recording"), d.Remote.refs()...) }

// Refs of an extension: its owner and its recording policies.
func (e Extension) Refs() []Ref {
	var r []Ref
	if e.User != "" {
		r = append(r, Ref{"user", KindUser, e.User})
	}
	if e.Record != "" {
		r = append(r, Ref{"record", KindPolicy, e.Record})
	}
	if e.Site != "" {
		r = append(r, Ref{"site", KindSite, e.Site})
	}
	if e.Remote != "" {
		r = append(r, Ref{"remote", KindTrunk, e.Remote})
	}
	if e.FMCTrunk != "" {
		r = append(r, Ref{"fmc_trunk", KindTrunk, e.FMCTrunk})
	}
	if e.Restriction != "" {
		r = append(r, Ref{"restriction", KindRestriction, e.Restriction})
	}
	return append(r, e.Recording.refs("recording")...)
}

// Refs of a DID: the extensions that ring and its recording policy.
func (d DID) Refs() []Ref {
	r := make([]Ref, 0, len(d.To)+1)
	for i, n := range d.To {
		r = append(r, Ref{"to[" + strconv.Itoa(i) + "]", KindExtension, n})
	}
	if d.Conference != "" {
		r = append(r, Ref{"conference", KindConference, d.Conference})
	}
	if d.Group != "" {
		r = append(r, Ref{"group", KindGroup, d.Group})
	}
	if d.Payer != "" {
		r = append(r, Ref{"payer", KindExtension, d.Payer})
	}
	r = append(r, d.Closing.refs()...)
	if d.Policy != "" {
		r = append(r, Ref{"policy", KindPolicy, d.Policy})
	}
	if d.Menu != "" {
		r = append(r, Ref{"menu", KindMenu, d.Menu})
	}
	if d.Voicemail != "" {
		r = append(r, Ref{"voicemail", KindMailbox, d.Voicemail})
	}
	if d.Queue != "" {
		r = append(r, Ref{"queue", KindQueue, d.Queue})
	}
	return r
}

// normal forms, so that a list that is missing and one that is empty are the same entity: see Encode.
func (u User) normal() Entity { u.Roles = list(u.Roles); return u }
func (d DID) normal() Entity  { d.To = list(d.To); return d }
func (d Domain) normal() Entity {
	d.Rights = d.Rights.normal()
	return d
}
func (e Extension) normal() Entity {
	e.Rights = e.Rights.normal()
	return e
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
