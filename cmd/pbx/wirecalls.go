package main

import (
	"context"
	"time"

	"naisen/cmd/pbx/internal/call"
)

// startSIP begins what works on registrations and trunks.
func (p *pbx) startSIP(ctx context.Context, s *signalling) error {
	if err := p.registrar.Start(ctx, p.stack); err != nil {
		return err
	}
	if err := p.startNodes(ctx, s); err != nil {
		return err
	}
	p.startQuiet(ctx)
	p.startLines(ctx)
	p.startTrunks(ctx)
	return nil
}

// newSwitch joins calls to all that they need.
func (p *pbx) newSwitch(s *signalling) *call.Switch {
	return call.NewSwitch(call.Deps{Media: p.media, Dialler: p.dialler, Recorder: p.vault.pipeline, Holder: p.vault.pipeline, Ordered: p.auditor.ordered, Outside: p.wireRecordingSessions(s), Ledger: p.entering(), Clock: time.Now, Log: p.log, Silence: s.silence,
		Programs: p.programs(), Alarm: p.alarms.raise,
		Route: p.route, Party: p.party, Admit: p.purse.admit, Moved: p.purse.book.Move, Spared: p.purse.spared, Became: s.legs.became, Stead: s.stead, Mobiles: &call.Mobiles{}, Note: p.notes.keep, Changed: p.callChanged, Wished: p.siprec.wished,
		Dialogs: dialogs{s.ua, &s.legs}, Number: s.number, Codes: p.callCodes, Held: s.heldBeside, NewID: newID,
		Beyond: p.dialler.beyond}, p.config.Calls)
}

// startBeside begins what works beside calls, as soon as they can come.
func (p *pbx) startBeside(ctx context.Context) {
	p.origins = p.newOrigins()
	p.queues.origins, p.queues.alarm = p.origins, p.alarms.happened
	p.startRecalls()
	p.startMissed()
	p.office.lamps = p.signalling.events.mailboxes.Set
	p.office.start(ctx)
	p.closing("post office", func(context.Context) error { p.office.Close(); return nil })
	p.startQueues(ctx)
	p.startSeats(ctx)
	p.startGuards(ctx)
}
