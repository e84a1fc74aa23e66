package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"naisen/provisioning/store"
)

// StoreConfig says where configuration, registrations, call records and the audit log are.
type StoreConfig struct {
	URL      string `yaml:"url"`      // of a PostgreSQL that several nodes share: "postgres://naisen@db.example.jp/naisen"; a file in data when empty
	Password Secret `yaml:"password"` // read anew for each connection
	CA       string `yaml:"ca"`       // PEM file: who vouches for the server; whom this machine trusts when empty, and no TLS to an address of this machine

	late time.Duration // see store.Postgres; for tests
}

func (s StoreConfig) validate() error {
	if s.URL == "" {
		if s.CA != "" || s.Password.ref != "" {
			return invalid("store.url", "is missing: password and ca belong to it")
		}
		return nil
	}
	if err := store.CheckURL(s.URL); err != nil {
		return invalid("store.url", "%s", strings.TrimPrefix(err.Error(), "store: "))
	}
	if _, err := s.pool(); err != nil {
		return invalid("store.ca", "%v", err)
	}
	return nil
}

// validateNode: several switches share a database, and reach each other by TLS.
func (c *Config) validateNode() error {
	switch {
	case c.Node == "":
		return nil
	case !plainExport(c.Node):
		return invalid("node", "is at most 32 of a to z, 0 to 9 and -")
	case c.Store.URL == "":
		return invalid("node", "nodes share a database: set store.url")
	case !slices.ContainsFunc(c.SIP.Listen, func(l string) bool { return strings.HasPrefix(l, "tls:") }):
		return invalid("node", "nodes reach each other by SIP over TLS: add such a listener to sip.listen")
	}
	return nil
}

func (s StoreConfig) pool() (*x509.CertPool, error) {
	if s.CA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(s.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate", s.CA)
	}
	return pool, nil
}

// postgres is nil where the database is a file.
func (s StoreConfig) postgres() (*store.Postgres, error) {
	if s.URL == "" {
		return nil, nil
	}
	pool, err := s.pool()
	if err != nil {
		return nil, fmt.Errorf("store.ca: %w", err)
	}
	p := &store.Postgres{URL: s.URL, CA: pool, Late: s.late}
	if s.Password.ref != "" {
		p.Password = s.Password.now
	}
	return p, nil
}

// engine names what keeps it.
func (s StoreConfig) engine() string {
	if s.URL == "" {
		return "sqlite"
	}
	return "postgresql"
}

// openDatabase opens the database of the configuration, otherwise as with says.
func openDatabase(ctx context.Context, c Config, with store.Config) (*store.Store, error) {
	var err error
	if with.Postgres, err = c.Store.postgres(); err != nil {
		return nil, err
	}
	if with.Postgres == nil {
		with.Path = c.path("pbx.db")
	}
	return store.Open(ctx, with)
}

// openAuditLog opens the audit log of the configuration's database.
func openAuditLog(ctx context.Context, c Config) (*store.Log, error) {
	p, err := c.Store.postgres()
	switch {
	case err != nil:
		return nil, err
	case p != nil:
		return store.OpenLogPostgres(ctx, *p)
	}
	return store.OpenLog(ctx, c.path("pbx.db"))
}

// databaseThere says why there is none yet: commands beside the switch never make an empty one.
func databaseThere(c Config) error {
	if c.Store.URL != "" {
		return nil // what is not there says so when it is opened
	}
	_, err := os.Stat(c.path("pbx.db"))
	return err
}
