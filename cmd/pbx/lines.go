package main

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip/auth"
	"naisen/sip/registrar/client"
	"naisen/sip/stack"
	"naisen/sip/trunk"
)

// lines keeps our registrations with carriers as the directory wants them: those of the trunks that are to be registered.
type lines struct {
	client    *client.Client
	directory *directory.Directory
	stop      context.CancelFunc
	done      chan struct{}
}

// newLines follows the directory until Close.
func newLines(ctx context.Context, d *directory.Directory, network client.Network, places *trunks, log *slog.Logger) *lines {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &lines{directory: d, stop: stop, done: make(chan struct{})}
	l.client = client.New(client.Config{Network: network, Log: log, Resolve: func(ctx context.Context, l client.Line) (out []stack.Target, err error) {
		domain, name, _ := strings.Cut(l.Key, "/")
		tr, ok := d.Snapshot().Trunk(domain, name)
		if !ok {
			return nil, provisioning.ErrNotFound
		}
		p, err := trunkProfile(domain, tr)
		if err != nil {
			return nil, err
		}
		points, err := places.points(ctx, p, netip.Addr{})
		for _, at := range points {
			out = append(out, at.target)
		}
		return out, err
	}})
	go l.run(run, log)
	return l
}

func (l *lines) run(ctx context.Context, log *slog.Logger) {
	defer close(l.done)
	for {
		snap := l.directory.Snapshot()
		l.client.Set(ctx, wantedLines(snap, log))
		if l.directory.WaitVersion(ctx, snap.Version()+1) != nil {
			return
		}
	}
}

// startLines registers with carriers as soon as the stack serves.
func (p *pbx) startLines(ctx context.Context) {
	p.lines = newLines(ctx, p.directory, p.stack, p.trunks, p.log)
	p.signalling.lines, p.trunks.lines = p.lines.client, p.lines.client
	p.closing("lines", func(context.Context) error { p.lines.Close(); return nil })
}

// Close unregisters everywhere. The stack still serves.
func (l *lines) Close() {
	l.stop()
	<-l.done
	l.client.Close()
}

// wantedLines are the registrations of all enabled trunks.
func wantedLines(snap *directory.Snapshot, log *slog.Logger) (out []client.Line) {
	for _, at := range snap.AllTrunks() {
		if _, has := snap.TrunkPassword(at.Domain, at.Trunk.Name); !has && at.Trunk.Username != "" {
			continue // a carrier counts wrong passwords and closes the account: nothing is said before there is one
		}
		p, err := trunkProfile(at.Domain, at.Trunk)
		if err != nil {
			log.Error("lines: trunk is unusable", "trunk", at.Trunk.Name, "err", err)
			continue
		}
		if p.Register == trunk.RegisterSingle || p.Register == trunk.RegisterBulk {
			out = append(out, lineOf(snap, at.Domain, at.Trunk, p))
		}
	}
	return out
}

// lineKey names a trunk's registration.
func lineKey(domain, trunk string) string { return domain + "/" + trunk }

func lineOf(snap *directory.Snapshot, domain string, t provisioning.Trunk, p *trunk.Profile) client.Line {
	l := client.Line{Key: lineKey(domain, t.Name), Host: p.Host, Port: p.Port, Transport: p.Transport, User: t.Account, Domain: t.FromHost,
		Bulk: p.Register == trunk.RegisterBulk, Expires: int(p.RegisterExpires / time.Second)}
	if l.User == "" {
		l.User = t.Username
	}
	l.Credential = auth.ClientCredential{User: t.Username, Realm: t.Realm}
	if l.Credential.Realm == "" {
		l.Credential.Realm = p.Host
	}
	if secret, ok := snap.TrunkPassword(domain, t.Name); ok {
		l.Credential.Secret = secret.Reveal()
	}
	return l
}

// lineMetric shows each line with its phase.
type lineMetric struct {
	client *client.Client
	up     *prometheus.Desc
}

func newLineMetric(c *client.Client) lineMetric {
	return lineMetric{c, prometheus.NewDesc("naisen_trunk_registered", "1 when we are registered with the carrier.", []string{"trunk", "phase"}, nil)}
}

func (m lineMetric) describe(out chan<- *prometheus.Desc) { out <- m.up }

func (m lineMetric) collect(out chan<- prometheus.Metric) {
	for _, s := range m.client.States() {
		up := 0.0
		if s.Phase == client.Registered {
			up = 1
		}
		out <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, up, s.Key, string(s.Phase))
	}
}
