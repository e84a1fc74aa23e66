package main

import "naisen/cmd/pbx/internal/app"

// programs is what calls run while nobody talks, and what that needs of the other parts.
func (p *pbx) programs() app.Programs {
	p.monitors = p.newMonitors()
	desk := selfService{liveStore{p.store, p.directory, p.log}, p.pins, p.recall}
	return app.Programs{Prompts: p.prompts, Ringtone: ringtone, Wording: p.wording, Queues: p.queues, Desk: desk, Shorten: desk.shorten,
		Rooms: p.rooms, Conference: p.conference, Beep: beep, Pages: p.pages, Paging: p.paging, Menu: p.menu, Calendar: p.calendar, Parks: p.signalling.parks, Monitors: p.monitors,
		Mailboxes: mailroom{p.office}, Leave: p.leave, Missed: p.callBackMobile,
		Agents: agentCodes{liveStore{p.store, p.directory, p.log}, p.queues.Ready}}
}
