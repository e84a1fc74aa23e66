package identity

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Signed opens JWTs that an outside party signed and that are no access tokens: security events, logout tokens. What they say is for others to judge. Safe for
// concurrent use.
type Signed struct {
	source keySource
	remote *remoteKeys // nil: a Verifier's
}

// SignedConfig names who signs. Exactly one of KeySet and Discovery is set.
type SignedConfig struct {
	Issuer    string           // as the documents name it
	KeySet    string           // URL of its JWKS
	Discovery string           // or of a document with issuer and jwks_uri
	HTTP      *http.Client     // nil: a client of its own that follows no redirect
	Clock     func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: slog.Default
}

// SSFConfiguration is where a transmitter of shared signals describes itself (OpenID Shared Signals Framework 1.0 section 7.1.1): the well-known name stands
// before the issuer's path.
func SSFConfiguration(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	u.Path = "/.well-known/ssf-configuration" + strings.TrimSuffix(u.Path, "/")
	return u.String()
}

// NewSigned fetches nothing: the first JWT does.
func NewSigned(cfg SignedConfig) (*Signed, error) {
	if (cfg.KeySet == "") == (cfg.Discovery == "") {
		return nil, errors.New("identity: keys are found by a key set or by discovery")
	}
	for _, at := range []string{cfg.Issuer, cfg.KeySet + cfg.Discovery} {
		if err := checkURL(at); err != nil {
			return nil, err
		}
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: keyFetchLimit, CheckRedirect: noRedirect}
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	doc := &discovery{issuer: cfg.Issuer, at: cfg.Discovery, http: cfg.HTTP}
	if cfg.KeySet != "" {
		doc.given, doc.known = true, &document{Issuer: cfg.Issuer, JWKS: cfg.KeySet}
	}
	r := newRemoteKeys(Issuer{URL: cfg.Issuer}, doc, cfg.HTTP, cfg.Clock, cfg.Log)
	return &Signed{source: r, remote: r}, nil
}

// Signed is by an issuer whose access tokens are accepted, with the same keys; false: it is none. It needs no Close.
func (v *Verifier) Signed(issuer string) (*Signed, bool) {
	i := v.issuers[issuer]
	if i == nil {
		return nil, false
	}
	return &Signed{source: i.source}, true
}

// Open gives the payload of a JWT and the header's typ, in lower case and without "application/". Only asymmetric signatures count, and no key but the
// issuer's own. The error is always an *Error: 503 when the keys could never be read.
func (s *Signed) Open(ctx context.Context, raw string) (payload []byte, typ string, err error) {
	jws, bad := parsed(raw)
	if bad != nil {
		return nil, "", bad
	}
	payload, typ, _, bad = opened(ctx, s.source, jws)
	if bad != nil {
		return nil, "", bad
	}
	return payload, strings.TrimPrefix(strings.ToLower(typ), "application/"), nil
}

// Close waits for a fetch under way, after telling it to stop.
func (s *Signed) Close() {
	if s.remote != nil {
		s.remote.close()
	}
}
