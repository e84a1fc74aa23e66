package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// document is what we read of an issuer's configuration (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2).
type document struct {
	Issuer        string `json:"issuer"`
	JWKS          string `json:"jwks_uri"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Device        string `json:"device_authorization_endpoint"`
	Introspection string `json:"introspection_endpoint"`
}

// discover reads the document, which must be the issuer's own. Its addresses are the caller's to check.
func discover(ctx context.Context, client *http.Client, issuer string) (doc document, err error) {
	return discoverAt(ctx, client, issuer, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
}

// discoverAt is discover where the document has another place.
func discoverAt(ctx context.Context, client *http.Client, issuer, at string) (doc document, err error) {
	if err := getJSON(ctx, client, at, &doc); err != nil {
		return doc, fmt.Errorf("discovery: %w", err)
	}
	if doc.Issuer != issuer {
		return doc, errors.New("discovery: document of another issuer")
	}
	return doc, nil
}

// discovery keeps an issuer's document for its key set and its introspection.
type discovery struct {
	issuer string
	at     string // of the document; empty: where OpenID providers have it
	given  bool   // known was configured, and is never read
	http   *http.Client

	mu    sync.Mutex
	known *document
}

func (d *discovery) get(ctx context.Context) (document, error) {
	d.mu.Lock()
	known := d.known
	d.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	doc, err := document{}, error(nil)
	if d.at == "" {
		doc, err = discover(ctx, d.http, d.issuer)
	} else {
		doc, err = discoverAt(ctx, d.http, d.issuer, d.at)
	}
	if err != nil {
		return doc, err
	}
	d.mu.Lock()
	d.known = &doc
	d.mu.Unlock()
	return doc, nil
}

// forget makes the next one read it again: something of it did not answer, and may have moved.
func (d *discovery) forget() {
	if d.given {
		return
	}
	d.mu.Lock()
	d.known = nil
	d.mu.Unlock()
}

// sameHost says that an address of the document is on the issuer's own host and port: tokens and secrets are sent nowhere else by its word alone.
func sameHost(issuer, at string) bool {
	a, err1 := url.Parse(issuer)
	b, err2 := url.Parse(at)
	return err1 == nil && err2 == nil && a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}
