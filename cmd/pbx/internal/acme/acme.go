// Package acme gets certificates from an authority by itself (RFC 8555): it orders one for the names it was given, proves by HTTP (section 8.3) or in the TLS
// handshake (RFC 8737) that they lead here, and gives key and chain. It owns the protocol, and never decides when, nor where a certificate is kept.
package acme

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/acme"
)

// ALPN is the protocol that an authority asks for to look at names in the handshake (RFC 8737 section 3).
const ALPN = acme.ALPNProto

// The ways to prove a name.
const (
	HTTP01    = "http-01"
	TLSALPN01 = "tls-alpn-01"
)

// ErrNoChallenge: the authority does not take the way that is configured here.
var ErrNoChallenge = errors.New("acme: the authority offers no such proof")

// ErrNotProving: a handshake wants to see a proof, and none is being given.
var ErrNotProving = errors.New("acme: this name is not being proved")

// Config of a Client.
type Config struct {
	Directory string        // URL of the authority
	Names     []string      // host names, of one certificate
	Challenge string        // HTTP01 or TLSALPN01
	Contact   string        // mail address for the authority; may be empty
	Account   crypto.Signer // key of the account
	KeyID     string        // of an account that the authority already has on paper (section 7.3.4); empty: it wants none
	MAC       []byte        // which goes with KeyID
	HTTP      *http.Client
}

// Client orders certificates. One order at a time.
type Client struct {
	config Config
	client *acme.Client

	mu     sync.Mutex
	tokens map[string]string           // guarded by mu: path to answer, of http-01
	shown  map[string]*tls.Certificate // guarded by mu: by name, of tls-alpn-01
}

// New makes a Client. The names must be lower case.
func New(c Config) *Client {
	return &Client{config: c, client: &acme.Client{Key: c.Account, DirectoryURL: c.Directory, HTTPClient: c.HTTP, UserAgent: "naisen"},
		tokens: map[string]string{}, shown: map[string]*tls.Certificate{}}
}

// Obtain gives a new private key and the chain of a certificate for it, as PEM, once the authority believes each name.
func (c *Client) Obtain(ctx context.Context) ([]byte, error) {
	if err := c.register(ctx); err != nil {
		return nil, fmt.Errorf("acme: account: %w", err)
	}
	order, err := c.client.AuthorizeOrder(ctx, acme.DomainIDs(c.config.Names...))
	if err != nil {
		return nil, fmt.Errorf("acme: order: %w", err)
	}
	defer c.forget()
	for _, url := range order.AuthzURLs {
		if err := c.prove(ctx, url); err != nil {
			return nil, err
		}
	}
	if order, err = c.client.WaitOrder(ctx, order.URI); err != nil {
		return nil, fmt.Errorf("acme: order: %w", err)
	}
	return c.finish(ctx, order)
}

// register makes the account, or finds it by its key.
func (c *Client) register(ctx context.Context) error {
	account := &acme.Account{}
	if c.config.Contact != "" {
		account.Contact = []string{"mailto:" + c.config.Contact}
	}
	if c.config.KeyID != "" {
		account.ExternalAccountBinding = &acme.ExternalAccountBinding{KID: c.config.KeyID, Key: c.config.MAC}
	}
	_, err := c.client.Register(ctx, account, acme.AcceptTOS) // the configuration says so
	if errors.Is(err, acme.ErrAccountAlreadyExists) {
		return nil
	}
	return err
}

// prove has the authority look at one name.
func (c *Client) prove(ctx context.Context, url string) error {
	z, err := c.client.GetAuthorization(ctx, url)
	if err != nil {
		return fmt.Errorf("acme: authorization: %w", err)
	}
	if z.Status == acme.StatusValid { // of a while ago
		return nil
	}
	name := strings.ToLower(z.Identifier.Value)
	if !slices.Contains(c.config.Names, name) {
		return fmt.Errorf("acme: the authority asks for %q, which was not ordered", z.Identifier.Value)
	}
	i := slices.IndexFunc(z.Challenges, func(ch *acme.Challenge) bool { return ch.Type == c.config.Challenge })
	if i < 0 {
		return fmt.Errorf("%w: %s for %s", ErrNoChallenge, c.config.Challenge, name)
	}
	if err := c.show(z.Challenges[i].Token, name); err != nil {
		return err
	}
	if _, err := c.client.Accept(ctx, z.Challenges[i]); err != nil {
		return fmt.Errorf("acme: %s: %w", name, err)
	}
	if _, err := c.client.WaitAuthorization(ctx, z.URI); err != nil {
		return fmt.Errorf("acme: %s: %w", name, err)
	}
	return nil
}

// show puts out what the authority will look for.
func (c *Client) show(token, name string) error {
	if c.config.Challenge == TLSALPN01 {
		cert, err := c.client.TLSALPN01ChallengeCert(token, name)
		if err != nil {
			return fmt.Errorf("acme: %w", err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.shown[name] = &cert
		return nil
	}
	answer, err := c.client.HTTP01ChallengeResponse(token)
	if err != nil {
		return fmt.Errorf("acme: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens[c.client.HTTP01ChallengePath(token)] = answer
	return nil
}

// forget takes back what was put out.
func (c *Client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.tokens)
	clear(c.shown)
}

// finish makes the key, and has the certificate issued for it.
func (c *Client) finish(ctx context.Context, order *acme.Order) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: c.config.Names}, key)
	if err != nil {
		return nil, err
	}
	chain, _, err := c.client.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, fmt.Errorf("acme: certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	for _, der := range chain {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return out, c.fits(out)
}

// fits: what the authority gave is a certificate of our names and our key.
func (c *Client) fits(text []byte) error {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return fmt.Errorf("acme: certificate: %w", err)
	}
	for _, name := range c.config.Names {
		if err := pair.Leaf.VerifyHostname(name); err != nil {
			return fmt.Errorf("acme: certificate: %w", err)
		}
	}
	return nil
}

// ServeHTTP implements http.Handler: what the authority asks for at port 80, and nothing else.
func (c *Client) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	answer, there := c.tokens[r.URL.Path]
	c.mu.Unlock()
	if !there || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = io.WriteString(w, answer)
}

// Certificate is what a handshake of the authority's shows (RFC 8737 section 3: it speaks of nothing else); nil: the handshake is somebody else's.
// ErrNotProving: it asks for a name that is not being proved.
func (c *Client) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello == nil || !slices.Equal(hello.SupportedProtos, []string{ALPN}) {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cert := c.shown[strings.ToLower(hello.ServerName)]
	if cert == nil {
		return nil, ErrNotProving
	}
	return cert, nil
}
