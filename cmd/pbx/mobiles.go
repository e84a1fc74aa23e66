package main

import (
	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
)

// mobile is an extension's telephone beyond a trunk, as one of those that ring for it.
type mobile struct {
	places []call.Destination // one, or none
	traits []route.Device     // of it, as routing lines it up with the others
}

// mobile is that of a target; nothing where it has none or the trunk does not carry. Whoever talks with it talks with the extension.
func (d *dialler) mobile(domain string, t route.Target) mobile {
	if t.Mobile == nil {
		return mobile{}
	}
	places := d.findCarrier(domain, t.Mobile.To)
	if len(places) == 0 {
		return mobile{}
	}
	at := places[0]
	at.Number, at.Extension, at.Trunk, at.Idle, at.Mobile, at.Proof = t.Number, t.Number, "", t.Idle, t.Mobile, ""
	return mobile{[]call.Destination{at}, []route.Device{{Q: -1, After: t.Mobile.After}}}
}
