package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"
)

// closePatience bounds the end of everything after the calls: journals rendered and sealed, the store closed. What does not fit is
// finished by the next start.
const closePatience = 20 * time.Second

// byePatience bounds the wait for the answers to the last BYEs within it: a phone that is gone must not cost the call record its time.
const byePatience = 4 * time.Second

// Run implements `pbx serve`.
func (c serveCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	return serve(ctx, config, out, logger(config.Log, os.Stderr))
}

// serve runs the switch until ctx ends, then drains it.
func serve(ctx context.Context, c Config, out io.Writer, log *slog.Logger) error {
	p, err := assemble(ctx, c, nil, log)
	if err != nil {
		return err
	}
	p.welcome(out)
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

// drain takes no new calls, waits for the running ones and ends the rest.
func (p *pbx) drain(ctx context.Context) {
	p.signalling.draining.Store(true)
	p.log.Info("pbx: draining", "calls", p.calls.Len(), "patience", time.Duration(p.config.Drain))
	patience, cancel := context.WithTimeout(ctx, time.Duration(p.config.Drain))
	defer cancel()
	p.calls.Drain(patience)
}

// welcome prints how to point a softphone, a carrier and curl at the switch. Passwords are printed on the first run only: they are
// kept nowhere in clear.
func (p *pbx) welcome(out io.Writer) {
	c := p.config
	var udp, tls string
	for _, l := range p.stack.LocalAddrs() {
		switch l.Transport {
		case "udp":
			udp = l.Addr.String()
		case "tls":
			tls = l.Addr.String()
		}
	}
	w := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	w("")
	w("Naisen 内線 is running. Data: %s", c.Data)
	if len(p.first.Extensions) > 0 {
		w("")
		w("  First run: these passwords are shown this once.")
		numbers := make([]string, 0, len(p.first.Extensions))
		for n := range p.first.Extensions {
			numbers = append(numbers, n)
		}
		slices.Sort(numbers)
		for _, n := range numbers {
			w("    extension %s   password %s", n, p.first.Extensions[n].Reveal())
		}
	}
	if !p.first.Admin.IsZero() {
		w("    administrator admin   one-time password %s   (the first sign-in asks for a new one)", p.first.Admin.Reveal())
	}
	w("")
	w("  Softphone   user 2001, domain %s, registrar %s (UDP, TCP) or %s (TLS, SRTP; certificate %s)", c.Domain, udp, tls, p.certificates.cert)
	w("              dial 2002; dial 0... for the carrier")
	w("  Carrier     a SIP peer at %s (UDP): it calls sip:%s@%s without a password, is told that it is recorded, and 2001 and 2002 ring", seedCarrier, seedDID, udp)
	w("              sipp -sn uac -i %s -s %s %s", seedCarrier, seedDID, loopbackOf(p))
	if p.identity != nil {
		w("  REST        TOKEN=$(pbx login --url %s)   # user admin", c.HTTP.URL)
		w("              curl -H \"Authorization: Bearer $TOKEN\" %s/v1/domains/%s/extensions", c.HTTP.URL, c.Domain)
		w("              curl -H \"Authorization: Bearer $TOKEN\" %s/v1/domains/%s/recordings", c.HTTP.URL, c.Domain)
	}
	w("  API         %s/openapi.json   metrics http://%s/metrics", c.HTTP.URL, c.HTTP.Metrics)
	if path, here := p.vault.files.RecoveryPath(); here {
		w("")
		w("  Move %s to a safe place off this machine: it opens every recording when the vault's key is lost.", path)
	}
	w("")
}

func loopbackOf(p *pbx) string {
	for _, l := range p.stack.LocalAddrs() {
		if l.Transport == "udp" && l.Addr.Addr().IsLoopback() {
			return l.Addr.String()
		}
	}
	return "ADDRESS"
}
