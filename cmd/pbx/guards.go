package main

import "context"

// startGuards begins what watches over calls: the purse and the alarms.
func (p *pbx) startGuards(ctx context.Context) {
	p.purse.calls = p.calls
	p.purse.start(ctx)
	p.closing("purse", func(context.Context) error { p.purse.Close(); return nil })
	rec, a := p.vault.pipeline.Stats, p.alarms
	a.watch("store-down", func() bool { return rec().StoreDown })
	a.watch("disk-full", func() bool { return rec().Capture.DiskFull })
	a.watch("disk-high", func() bool { return rec().Capture.DiskHigh })
	a.watch("journal-failing", func() bool { return rec().Capture.Failing > 0 })
	a.watchCount("recorder-drops", func() uint64 { return uint64(rec().Capture.Dropped) })
	a.watchCount("ledger-dropped", p.ledger.dropped.Load)
	a.watchCount("audit-dropped", p.auditor.dropped.Load)
	a.start(ctx)
	p.closing("alarms", func(context.Context) error { p.alarms.Close(); return nil })
}
