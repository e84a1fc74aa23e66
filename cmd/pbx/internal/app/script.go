package app

import (
	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
)

// Script makes the script that a verb names: the one table of verbs.
func (p Programs) Script(domain string, r route.Run) (call.Script, bool) {
	switch r.Verb {
	case route.VerbAnnounce:
		return &announcing{from: p}, true
	case route.VerbFeature:
		return p.feature(r)
	case route.VerbConference:
		return p.meeting(domain, r.Name)
	case route.VerbMenu:
		return p.menu(domain, r)
	case route.VerbPark:
		return &parking{from: p}, p.Parks != nil
	case route.VerbVoicemail:
		return &depositing{from: p}, p.Mailboxes != nil
	case route.VerbMessages:
		return &fetching{from: p}, p.Mailboxes != nil
	case route.VerbThrough:
		return &through{asking: asking{from: p}}, p.Desk != nil
	case route.VerbCallBack:
		return &missed{from: p}, p.Missed != nil && p.Desk != nil
	case route.VerbPage:
		return p.paging(domain, r)
	case route.VerbPaged:
		return p.listening()
	case route.VerbQueue:
		return &queueing{from: p}, p.Queues != nil
	}
	return nil, false
}
