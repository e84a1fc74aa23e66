package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// closePatience bounds the end of everything after the calls: journals rendered and sealed, the store closed. What does not fit is
// finished by the next start.
const closePatience = 20 * time.Second

// drainHeard is how long a switch that ends still takes calls, so that the other nodes know it.
const drainHeard = 2 * time.Second

// byePatience bounds the wait for the answers to the last BYEs within it: a phone that is gone must not cost the call record its time.
const byePatience = 4 * time.Second

// Run implements `pbx serve`.
func (c serveCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	config.renderWith = renderProgram
	if err := noCore(); err != nil {
		return err
	}
	gate := newLogGate(os.Stderr)
	defer gate.Close()
	return serve(ctx, config, out, slog.New(flushing{logger(config.Log, gate).Handler(), gate}))
}

// serve runs the switch until ctx ends, then drains it.
func serve(ctx context.Context, c Config, out io.Writer, log *slog.Logger) error {
	p, err := assemble(ctx, c, nil, log)
	if err != nil {
		return err
	}
	p.welcome(out)
	stop := keepReserve()
	defer stop()
	return p.run(ctx)
}

// run answers calls until ctx ends, drains them and closes every part. It is called once.
func (p *pbx) run(ctx context.Context) (err error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx)) // the stack outlives ctx: calls are drained, and the last BYEs answered
	defer stop()
	served := make(chan error, 1)
	go func() { served <- p.stack.Serve(life) }()
	p.log.Info("pbx: ready", "domain", p.config.Domain)
	select {
	case <-ctx.Done():
	case err = <-served:
		p.log.Error("pbx: SIP ended by itself", "err", err)
	}
	p.drain(life)
	closing, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	p.Close(closing)
	p.log.Info("pbx: stopped")
	return err
}

// drain takes no new calls, waits for the running ones and ends the rest. A second signal ends the patience: who says it twice does not want to wait.
func (p *pbx) drain(ctx context.Context) {
	p.signalling.draining.Store(true)
	p.nodes.Drain()
	p.log.Info("pbx: draining", "calls", p.calls.Len(), "patience", time.Duration(p.config.Drain))
	patience, cancel := context.WithTimeout(ctx, time.Duration(p.config.Drain))
	defer cancel()
	patience, again := signal.NotifyContext(patience, os.Interrupt, syscall.SIGTERM)
	defer again()
	if p.signalling.between.another() { // which hears of it by the next beats: until then calls come from there
		heard := time.NewTimer(drainHeard)
		defer heard.Stop()
		select {
		case <-heard.C:
		case <-patience.Done():
		}
	}
	p.calls.Drain(patience)
}
