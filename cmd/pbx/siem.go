package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/cmd/pbx/internal/nodes"
	"naisen/provisioning"
	"naisen/provisioning/durable"
	"naisen/provisioning/siem"
)

// exportLate is how long entries may wait for a log server before that is an alarm.
const exportLate = 10 * time.Minute

// maxExports bounds the log servers.
const maxExports = 8

// ExportConfig names a log server that gets the audit log as syslog, all of it and in its order.
type ExportConfig struct {
	Name        string `yaml:"name"`        // names its cursor too; another name begins anew
	Address     string `yaml:"address"`     // "siem.example.jp:6514"
	Transport   string `yaml:"transport"`   // "tls", "tcp" or "udp"; "tls"
	Format      string `yaml:"format"`      // "cef" or "ocsf"; "cef"
	CA          string `yaml:"ca"`          // whom to trust, a file; those of the system when missing
	ServerName  string `yaml:"server_name"` // in its certificate; the address's host when missing
	Certificate string `yaml:"certificate"` // ours, where the server asks who we are
	Key         string `yaml:"key"`
	Clear       bool   `yaml:"clear"` // tcp and udp beyond this machine, where everybody on the way reads it
}

// siem is what package siem makes of it; files are read where they are needed.
func (e ExportConfig) siem(read bool) (c siem.Config, err error) {
	c = siem.Config{Name: e.Name, Address: e.Address, Transport: siem.Transport(e.Transport), Format: siem.Format(e.Format), Clear: e.Clear}
	if c.Transport == "" {
		c.Transport = siem.TLS
	}
	if c.Format == "" {
		c.Format = siem.CEF
	}
	if c.Transport != siem.TLS {
		return c, nil
	}
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: e.ServerName}
	if c.TLS.ServerName == "" {
		c.TLS.ServerName, _, _ = net.SplitHostPort(e.Address) // Validate says what is no host:port
	}
	if (e.Certificate == "") != (e.Key == "") {
		return c, errors.New("needs both certificate and key, or neither")
	}
	if !read {
		return c, nil
	}
	if e.CA != "" {
		text, err := os.ReadFile(e.CA)
		if err != nil {
			return c, err
		}
		if c.TLS.RootCAs = x509.NewCertPool(); !c.TLS.RootCAs.AppendCertsFromPEM(text) {
			return c, fmt.Errorf("%s has no certificate", e.CA)
		}
	}
	if e.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(e.Certificate, e.Key)
		if err != nil {
			return c, err
		}
		c.TLS.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func (a *AuditConfig) validateExports() error {
	seen := map[string]bool{}
	if len(a.Export) > maxExports {
		return invalid("audit.export", "more than %d log servers", maxExports)
	}
	for i, e := range a.Export {
		at := fmt.Sprintf("audit.export[%d]", i)
		if !plainExport(e.Name) || seen[e.Name] {
			return invalid(at+".name", "must be 1 to 32 small letters, digits and hyphens, each name once")
		}
		seen[e.Name] = true
		c, err := e.siem(false)
		if err == nil {
			err = c.Validate()
		}
		if err != nil {
			return invalid(at, "%v", err)
		}
	}
	return nil
}

func plainExport(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return name != "" && len(name) <= 32
}

// startExports begins to send the log to the log servers.
func (p *pbx) startExports(ctx context.Context) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	p.exports = map[string]*siem.Exporter{}
	for _, e := range p.config.Audit.Export {
		c, err := e.siem(true)
		if err != nil {
			return fmt.Errorf("audit.export %s: %w", e.Name, err)
		}
		c.Log, c.Cursor, c.Host, c.Version, c.Logger = p.store, p.config.path("audit-export", e.Name+".cursor"), host, "1", p.log
		if p.nodes != nil {
			c.Place = exportPlace{p.nodes, exportLease + e.Name, durable.Cursor(c.Cursor)}
			p.nodes.Want(exportLease + e.Name)
		}
		x, err := siem.New(ctx, c)
		if err != nil {
			return err
		}
		p.exports[e.Name] = x
		p.closing("export of the audit log", func(context.Context) error { x.Close(); return nil })
	}
	p.alarms.watchEach("audit-unsent", func() map[[2]string]string {
		late := map[[2]string]string{}
		for name, x := range p.exports {
			if s := x.Stats(); s.Waiting > 0 && time.Since(s.Progress) > exportLate {
				late[[2]string{"", name}] = fmt.Sprintf("%d entries wait: %s", s.Waiting, s.Failure)
			}
		}
		return late
	})
	return nil
}

// exportLease begins the names of the leases of exports.
const exportLease = "export/"

// exportPlace is up to where several nodes have sent the log: who has the lease sends it, and writes that down with the lease, so that who has lost it cannot.
type exportPlace struct {
	nodes  *nodes.Members
	lease  string
	before durable.Cursor // of when this switch was alone
}

var _ siem.Place = exportPlace{}

// Load implements siem.Place.
func (p exportPlace) Load(ctx context.Context) (int64, error) {
	if _, ok := p.nodes.Holds(p.lease); !ok {
		return 0, siem.ErrElsewhere
	}
	alone, err := p.before.Load(ctx)
	return max(alone, p.nodes.Mark(p.lease)), err
}

// Save implements siem.Place.
func (p exportPlace) Save(ctx context.Context, seq int64) error {
	turn, ok := p.nodes.Holds(p.lease)
	if !ok {
		return siem.ErrElsewhere
	}
	err := p.nodes.SetMark(ctx, p.lease, turn, seq)
	if errors.Is(err, provisioning.ErrNotHeld) {
		return siem.ErrElsewhere
	}
	return err
}

// auditMetrics are about what is made of the audit log.
func (p *pbx) auditMetrics(c *collector) {
	sum := func(of func(siem.Stats) float64) func() float64 {
		return func() (all float64) {
			for _, x := range p.exports {
				all += of(x.Stats())
			}
			return all
		}
	}
	c.add("naisen_audit_export_waiting", "Entries of the audit log that wait for log servers, of all of them.", prometheus.GaugeValue, sum(func(s siem.Stats) float64 { return float64(s.Waiting) }))
	c.add("naisen_audit_export_sent_total", "Entries of the audit log that were written to log servers, some again after a broken connection.", prometheus.CounterValue, sum(func(s siem.Stats) float64 { return float64(s.Sent) }))
	c.add("naisen_audit_index_behind", "Entries of the audit log that its index does not have yet.", prometheus.GaugeValue, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		n, err := p.store.IndexBehind(ctx)
		if err != nil {
			return -1
		}
		return float64(n)
	})
}
