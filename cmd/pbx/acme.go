package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/acme"
	"naisen/provisioning/durable"
)

const (
	acmeAgain    = time.Minute      // after the first failure; twice as long after each further one
	acmePatience = 6 * time.Hour    // at most: authorities count failures; and how often the file is looked at
	acmeOrder    = 10 * time.Minute // bounds one order
	acmeAnswer   = 30 * time.Second // and one answer of the authority
)

// renewer keeps a certificate of an authority's in a file, which every listener reads anew when it changes. What fails leaves the old one in place.
type renewer struct {
	client  *acme.Client
	path    string
	names   []string
	log     *slog.Logger
	renewed func() // the file is another one
	failing atomic.Bool
}

// wireACME makes what asks for certificates, where an authority is configured. Until the first one is there, one of our own stands in its place: phones that check do not
// come in, and all the others do.
func (p *pbx) wireACME(ctx context.Context) error {
	c := p.config.ACME
	if c.Directory == "" {
		return nil
	}
	account, err := acmeAccount(p.config.path(keysName, "acme.key"))
	if err != nil {
		return err
	}
	asks, err := c.client()
	if err != nil {
		return err
	}
	mac, err := base64.RawURLEncoding.DecodeString(c.Key.value)
	if err != nil {
		return invalid("acme.key", "is no base64url") // Validate has seen it already
	}
	how := acme.TLSALPN01
	if c.Listen != "" {
		how = acme.HTTP01
	}
	p.acme = &renewer{path: p.config.acmePath(), names: c.Names, log: p.log, client: acme.New(acme.Config{Directory: c.Directory, Names: c.Names, Challenge: how, Contact: c.Contact,
		Account: account, KeyID: c.KeyID, MAC: mac, HTTP: asks})}
	if err := p.acme.placeholder(); err != nil {
		return err
	}
	if c.Listen != "" {
		s, err := listenHTTP(ctx, c.Listen, nil, p.acme.client, p.log)
		if err != nil {
			return fmt.Errorf("acme.listen: %w", err)
		}
		p.closing("acme", s.Close)
	}
	return nil
}

// client reaches the authority alone, by TLS.
func (a ACMEConfig) client() (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.CA != "" {
		bundle, err := readPEM(a.CA)
		if err != nil {
			return nil, fmt.Errorf("acme.ca: %w", err)
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(bundle) {
			return nil, fmt.Errorf("acme.ca: %s has no certificate", a.CA)
		}
	}
	return &http.Client{Timeout: acmeAnswer, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true}}, nil
}

// acmeAccount is the key by which the authority knows us; it is made at the first start.
func acmeAccount(path string) (crypto.Signer, error) {
	text, err := durable.ReadPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = newACMEAccount(path)
	}
	if err != nil {
		return nil, fmt.Errorf("acme account: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("acme account: %s is no PEM file", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(crypto.Signer)
	if err != nil || !ok {
		return nil, fmt.Errorf("acme account: %s holds no private key", path) // the cause could quote it
	}
	return key, nil
}

func newACMEAccount(path string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700)); err != nil {
		return nil, err
	}
	return createKey(path, key)
}

// placeholder puts a certificate of our own where that of the authority will be.
func (r *renewer) placeholder() error {
	if exists(r.path) {
		return nil
	}
	der, key, err := selfSigned(r.names[0], r.names, nil)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	return errors.Join(os.MkdirAll(filepath.Dir(r.path), 0o700), durable.Replace(r.path, text, 0o600))
}

// startACME begins to renew, once everything listens that proves names.
func (p *pbx) startACME(ctx context.Context) {
	if p.acme == nil {
		return
	}
	p.acme.renewed = p.certificates.again
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); p.acme.run(ctx) }()
	p.closing("certificates of an authority", func(context.Context) error { stop(); <-done; return nil })
	p.alarms.watch("acme-failed", p.acme.failing.Load)
}

func (r *renewer) run(ctx context.Context) {
	for failures := 0; ; {
		wait := time.Until(r.due())
		if wait <= 0 {
			err := r.renew(ctx)
			if ctx.Err() != nil {
				return
			}
			r.failing.Store(err != nil)
			if err == nil {
				failures = 0
				continue
			}
			wait = min(acmeAgain<<min(failures, 10), acmePatience)
			failures++
			r.log.Error("pbx: no new certificate was given; the old one stays", "names", r.names, "again", wait, "err", err)
		}
		timer := time.NewTimer(min(wait, acmePatience))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// due is when the certificate has used up two thirds of its time; long ago: it cannot be read, is our own, or is not for all of the names.
func (r *renewer) due() time.Time {
	pair, err := tls.LoadX509KeyPair(r.path, r.path)
	if err != nil || bytes.Equal(pair.Leaf.RawIssuer, pair.Leaf.RawSubject) {
		return time.Time{}
	}
	for _, name := range r.names {
		if pair.Leaf.VerifyHostname(name) != nil {
			return time.Time{}
		}
	}
	return pair.Leaf.NotAfter.Add(-pair.Leaf.NotAfter.Sub(pair.Leaf.NotBefore) / 3)
}

func (r *renewer) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, acmeOrder)
	defer cancel()
	text, err := r.client.Obtain(ctx)
	if err == nil {
		err = durable.Replace(r.path, text, 0o600)
	}
	if err != nil {
		return err
	}
	r.log.Info("pbx: an authority gave a certificate", "names", r.names)
	r.renewed()
	if until := r.due(); !until.After(time.Now()) {
		return fmt.Errorf("acme: the certificate was due for renewal at %s when it came", until.Format(time.RFC3339)) // not asked for again and again
	}
	return nil
}
