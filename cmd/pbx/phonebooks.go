package main

import (
	"context"
	"net"
	"net/http"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/provisioning"
	"naisen/provisioning/ldap"
	"naisen/provisioning/phonexml"
)

// LDAPConfig says where telephones search the shared directory by LDAP. Without an address nobody does.
type LDAPConfig struct {
	Listen string `yaml:"listen"` // "192.0.2.1:389": a telephone must begin TLS (StartTLS) before it binds
	TLS    string `yaml:"tls"`    // "192.0.2.1:636": TLS from the start; the certificate is that of sip
}

func (l LDAPConfig) validate() error {
	for key, text := range map[string]string{"ldap.listen": l.Listen, "ldap.tls": l.TLS} {
		if _, err := netip.ParseAddrPort(text); text != "" && err != nil {
			return invalid(key, "is no address:port")
		}
	}
	return nil
}

// startLDAP serves the shared directory to telephones, where it is configured.
func (p *pbx) startLDAP(ctx context.Context) error {
	c := p.config.LDAP
	if c.Listen == "" && c.TLS == "" {
		return nil
	}
	config, err := p.certificates.config()
	if err != nil {
		return err
	}
	p.ldap = ldap.New(ldap.Config{Directory: func() ldap.Directory { return p.directory.Snapshot() }, TLS: config, Guesses: &p.guesses, Log: p.log})
	p.closing("ldap", func(context.Context) error { return p.ldap.Close() })
	for _, at := range []struct {
		listen string
		secure bool
	}{{c.Listen, false}, {c.TLS, true}} {
		if at.listen == "" {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at.listen)
		if err != nil {
			return err
		}
		p.ldap.Serve(l, at.secure)
		p.log.Info("pbx: LDAP", "listen", l.Addr(), "tls", at.secure)
	}
	return nil
}

// phoneBooks is the shared directory, and the call history of an extension, as telephones read them over HTTPS.
func (p *pbx) phoneBooks() http.Handler {
	return phonexml.New(func() phonexml.Directory { return p.directory.Snapshot() }, p.records, &p.guesses, p.log)
}

// records reads finished calls.
func (p *pbx) records(ctx context.Context, domain string, q provisioning.CDRQuery) (list []provisioning.CDR, err error) {
	err = p.store.View(ctx, func(r provisioning.Reader) (err error) {
		list, err = r.CDRs(domain, q)
		return err
	})
	return list, err
}

func (p *pbx) ldapMetrics(c *collector) {
	if p.ldap == nil {
		return
	}
	stats := p.ldap.Stats
	counter := func(name, help string, v func() uint64) {
		c.add(name, help, prometheus.CounterValue, func() float64 { return float64(v()) })
	}
	c.add("naisen_ldap_connections", "LDAP connections open.", prometheus.GaugeValue, func() float64 { return float64(stats().Open) })
	counter("naisen_ldap_refused_total", "LDAP connections beyond the bounds.", func() uint64 { return stats().Refused })
	counter("naisen_ldap_binds_total", "LDAP binds that proved an account.", func() uint64 { return stats().Binds })
	counter("naisen_ldap_bind_failures_total", "LDAP binds that were refused.", func() uint64 { return stats().Failures })
	counter("naisen_ldap_searches_total", "LDAP searches.", func() uint64 { return stats().Searches })
	counter("naisen_ldap_broken_total", "LDAP connections ended for what they sent.", func() uint64 { return stats().Broken })
}
