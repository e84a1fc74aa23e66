package main

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"naisen/loadtest/bulk"
	"naisen/loadtest/callgen/process"
	"naisen/loadtest/peer"
)

// job is one registration or call of many: its set-up and total time.
type job = func(ctx context.Context, i int) (setup, total time.Duration, err error)

// generator is the phones of one contestant: the switch, or a peer that does the same work.
type generator struct {
	name     string // "" for the switch, else what is added to the name of a figure
	caller   *bulk.Line
	callee   *bulk.Line
	answers  *bulk.Callee
	callers  []bulk.Account
	register job
	cpu      func() (user, system time.Duration, err error)
	stop     func()
}

// contestants do the same work in the same run, one after the other.
var contestants = []func(context.Context, *lab) (*generator, error){startSwitch, startKamailio}

// contest has each of them do the same in each run; all are up the whole time, and only one works.
func contest(ctx context.Context, l *lab, work func(*generator, *table) error) (*table, error) {
	t := &table{}
	var all []*generator
	defer func() {
		for _, g := range all {
			g.close()
		}
	}()
	for _, start := range contestants {
		g, err := start(ctx, l)
		if err != nil {
			return t, err
		}
		all = append(all, g)
	}
	for range l.runs {
		for _, g := range all {
			if err := work(g, t); err != nil {
				return t, err
			}
		}
	}
	return t, nil
}

const callers = 200 // so many calls can be up at once: a caller has one

func startSwitch(ctx context.Context, l *lab) (*generator, error) {
	s, err := l.start(ctx)
	if err != nil {
		return nil, err
	}
	var g *generator
	if err = s.provision(ctx, callers); err == nil {
		g, err = s.generator(ctx)
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	g.stop = s.stop
	return g, nil
}

// generator makes phones at a switch that goes on when they are closed.
func (s *site) generator(ctx context.Context) (*generator, error) {
	g := &generator{callers: s.callers, cpu: func() (time.Duration, time.Duration, error) { return process.CPU(s.PID()) }, stop: func() {}}
	return g, g.open(ctx, s.udp(), s.Domain, s.account("2002"))
}

func startKamailio(ctx context.Context, l *lab) (*generator, error) {
	k, err := peer.StartKamailio(ctx, l.dir, "pbx.internal", l.pin())
	if err != nil {
		return nil, err
	}
	g := &generator{name: ", kamailio", cpu: k.CPU, stop: k.Stop}
	for i := range callers {
		g.callers = append(g.callers, bulk.Account{User: number(float64(5000 + i)), Password: k.Password})
	}
	if err := g.open(ctx, k.Addr, k.Domain, bulk.Account{User: "2002", Password: k.Password}); err != nil {
		k.Stop()
		return nil, err
	}
	return g, nil
}

// open opens a line for callers and one where the callee has registered and answers.
func (g *generator) open(ctx context.Context, to netip.AddrPort, domain string, called bulk.Account) (err error) {
	if g.callee, err = bulk.Open(loopback, to, domain); err != nil {
		return err
	}
	g.answers = bulk.Answer(g.callee, netip.AddrPortFrom(outside, 40000))
	if _, err = g.callee.Register(ctx, called, time.Hour); err == nil {
		g.caller, err = bulk.Open(outside, to, domain)
	}
	if err != nil {
		return errors.Join(err, g.callee.Close())
	}
	g.register = registering(g.caller, g.callers)
	return nil
}

func (g *generator) close() {
	_ = g.caller.Close()
	_ = g.callee.Close()
	g.stop()
}

// call is one call of the i-th caller, in turn, from a line.
func (g *generator) call(from *bulk.Line, hold time.Duration) job {
	return func(ctx context.Context, i int) (time.Duration, time.Duration, error) {
		c, err := from.Call(ctx, g.callers[i%len(g.callers)], "2002", g.answers, netip.AddrPortFrom(outside, 40000), hold)
		return c.Setup, c.Total, err
	}
}

// registering registers the i-th account, in turn.
func registering(line *bulk.Line, accounts []bulk.Account) job {
	return func(ctx context.Context, i int) (time.Duration, time.Duration, error) {
		d, err := line.Register(ctx, accounts[i%len(accounts)], time.Hour)
		return d, 0, err
	}
}

// costOf gives the processor time in ms that the contestant used while f ran.
func (g *generator) costOf(f func() bulk.Result) (float64, bulk.Result, error) {
	u1, s1, err := g.cpu()
	if err != nil {
		return 0, bulk.Result{}, err
	}
	r := f()
	u2, s2, err := g.cpu()
	return millis(u2 - u1 + s2 - s1), r, err
}
