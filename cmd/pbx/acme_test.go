package main

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/acme"
)

// TestACMEConfig: what is wrong is named; and listeners that name no certificate get that of the authority.
func TestACMEConfig(t *testing.T) {
	good := func() Config {
		var c Config
		c.ACME = ACMEConfig{Directory: "https://ca.example/dir", Names: []string{"pbx.example.jp"}, Terms: true, Listen: "192.0.2.1:80", Contact: "ops@example.jp"}
		c.HTTP.Listen = "192.0.2.1:443"
		return c
	}
	c := good()
	c.setDefaults()
	if err := c.validateACME(); err != nil || c.SIP.Certificate != c.acmePath() || c.SIP.Key != c.acmePath() || c.HTTP.Certificate != c.acmePath() || c.HTTP.validate() != nil {
		t.Errorf("%v %+v %+v", err, c.SIP, c.HTTP)
	}
	for name, x := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"http":            {func(c *Config) { c.ACME.Directory = "http://ca.example/dir" }, "acme.directory"},
		"no directory":    {func(c *Config) { c.ACME.Directory = "" }, "acme.directory"},
		"no names":        {func(c *Config) { c.ACME.Names = nil }, "acme.names"},
		"wildcard":        {func(c *Config) { c.ACME.Names = []string{"*.example.jp"} }, "acme.names"},
		"address":         {func(c *Config) { c.ACME.Names = []string{"pbx"} }, "acme.names"},
		"twice":           {func(c *Config) { c.ACME.Names = []string{"a.example", "a.example"} }, "acme.names"},
		"terms":           {func(c *Config) { c.ACME.Terms = false }, "acme.accept_terms"},
		"listen":          {func(c *Config) { c.ACME.Listen = "80" }, "acme.listen"},
		"nowhere to look": {func(c *Config) { c.ACME.Listen, c.HTTP.Listen = "", "127.0.0.1:8080" }, "acme.listen"},
		"contact":         {func(c *Config) { c.ACME.Contact = "Ops <ops@example.jp>" }, "acme.contact"},
		"key without id":  {func(c *Config) { c.ACME.Key.value = "a2V5" }, "acme.key"},
		"id without key":  {func(c *Config) { c.ACME.KeyID = "kid" }, "acme.key"},
	} {
		c := good()
		x.change(&c)
		c.setDefaults()
		if err := c.validateACME(); err == nil || !strings.HasPrefix(err.Error(), x.says+":") {
			t.Errorf("%s: %v, want %s", name, err, x.says)
		}
	}
}

// refusing is an authority that nobody reaches.
type refusing struct{ at []time.Time }

// RoundTrip implements http.RoundTripper.
func (r *refusing) RoundTrip(*http.Request) (*http.Response, error) {
	r.at = append(r.at, time.Now())
	return nil, errors.New("nobody there")
}

// TestAuthorityIsAway: our own certificate stands in, nobody else reads it, and the authority is asked again after one minute, two, four and at last six hours.
func TestAuthorityIsAway(t *testing.T) {
	dir := t.TempDir()
	account, err := acmeAccount(filepath.Join(dir, "keys", "acme.key"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := acmeAccount(filepath.Join(dir, "keys", "acme.key")); err != nil || !account.(*ecdsa.PrivateKey).Equal(again.(*ecdsa.PrivateKey)) {
		t.Error("the account has another key the next time", err)
	}
	synctest.Test(t, func(t *testing.T) {
		away := &refusing{}
		r := &renewer{path: filepath.Join(dir, "certificates", acmeName), names: []string{"pbx.example"}, log: slog.New(slog.DiscardHandler), renewed: func() { t.Error("renewed") },
			client: acme.New(acme.Config{Directory: "https://ca.invalid/dir", Names: []string{"pbx.example"}, Challenge: acme.HTTP01, Account: account, HTTP: &http.Client{Transport: away}})}
		if err := r.placeholder(); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		go func() { defer close(done); r.run(ctx) }()
		began := time.Now()
		<-time.After(24 * time.Hour)
		synctest.Wait()
		if !r.failing.Load() || len(away.at) < 10 {
			t.Fatalf("failing %v after %d attempts", r.failing.Load(), len(away.at))
		}
		for i, want := range []time.Duration{0, time.Minute, 3 * time.Minute, 7 * time.Minute} {
			if got := away.at[i].Sub(began); got != want {
				t.Errorf("attempt %d after %s, want %s", i, got, want)
			}
		}
		if last := len(away.at) - 1; away.at[last].Sub(away.at[last-1]) != acmePatience {
			t.Errorf("the last two attempts are %s apart", away.at[last].Sub(away.at[last-1]))
		}
		stop()
		<-done
	})
	for _, path := range []string{"certificates/" + acmeName, "keys/acme.key"} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", path, info, err)
		}
	}
	c := &certificates{cert: filepath.Join(dir, "certificates", acmeName), key: filepath.Join(dir, "certificates", acmeName)}
	if pair, err := c.get(nil); err != nil || pair.Leaf.VerifyHostname("pbx.example") != nil {
		t.Error("nothing stands in its place", err)
	}
}
