package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"
	"golang.org/x/time/rate"

	"naisen/provisioning"
)

// ServiceConfig is what the embedded identity service needs.
type ServiceConfig struct {
	// Issuer is the service's own address as clients reach it, https or loopback: "https://pbx.example.jp/identity".
	// Its path is where Handler must be mounted.
	Issuer   string
	KeyDir   string             // signing keys; made if missing, kept across restarts
	Store    provisioning.Store // users, roles, password verifiers, refresh tokens, audit
	Domain   string             // of who signs in with a bare user name
	Audience string             // of access tokens; "": "naisen"
	Clients  []Client           // nil: CLIClient()

	AccessTTL  time.Duration // 0: 10 minutes
	RefreshTTL time.Duration // without use; 0: 14 days. Four times that from the sign-in at most
	SessionTTL time.Duration // of the browser's cookie; 0: 8 hours

	// SealedOnly lets nobody sign in but the break-glass account: an outside identity service has everybody else.
	SealedOnly bool
	// BrokenGlass is told of each use of the break-glass account; it must not block. nil: nobody is.
	BrokenGlass func(domain string, e provisioning.EmergencySignIn)

	// Source names who is throttled; nil: the address of the TCP peer, of IPv6 the /64. Set it behind a trusted proxy.
	Source func(*http.Request) string
	// Revoked is VerifierConfig.Revoked, asked about a sign-in as about a token that was issued then: sessions, codes and refresh tokens of one that was
	// revoked are worth nothing. nil: none ever is.
	Revoked func(provisioning.Subject) string
	// Stranger takes what somebody did who proved nothing, and bounds it; it must not block. nil: it is written at once, at most five a second.
	Stranger func(provisioning.AuditEntry)
	Clock    func() time.Time // nil: time.Now. The library stamps ID tokens with time.Now whatever this says
	Log      *slog.Logger     // nil: slog.Default
}

// Client is a public OAuth client; PKCE S256 is required of all.
type Client struct {
	ID           string
	Name         string
	RedirectURIs []string // exact; of a native client's loopback addresses the port is free (RFC 8252 section 7.3)
	PostLogout   []string
	Device       bool // may ask for the device authorization grant (RFC 8628)
	Native       bool // runs on the person's machine: a sign-in from an open session is always confirmed (RFC 8252 section 8.6)
}

// CLIClient is `pbx login`.
func CLIClient() Client {
	return Client{ID: "pbx-cli", Name: "pbx", Native: true, Device: true, RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"}}
}

// Service is the embedded identity service: an OIDC provider on zitadel/oidc with sign-in pages of its own.
// Refresh tokens and signing keys survive a restart; sign-ins under way, codes and browser sessions do not.
type Service struct {
	cfg      ServiceConfig
	path     string // of the issuer, without the last slash
	secure   bool   // https: cookies are Secure
	keys     *signingKeys
	clients  map[string]Client
	provider *op.Provider
	passkeys *webauthn.WebAuthn // nil: the issuer has no name, only an address
	handler  http.Handler

	requests *requests
	devices  *devices
	sessions *sessions
	throttle *throttle
	hashing  chan struct{}               // slots for argon2: memory is bounded, not the number of askers
	matches  func(verifier, string) bool // verifier.matches; tests count it
	nobody   verifier                    // what an unknown user's password is compared with
	failures *rate.Limiter               // failed sign-ins written to the audit log
	csrfKey  []byte
	patience time.Duration // with a request's body and with a reader of the answer
}

// NewService reads or makes the signing key; it opens no socket and starts no goroutine.
func NewService(cfg ServiceConfig) (*Service, error) {
	if err := checkURL(cfg.Issuer); err != nil {
		return nil, fmt.Errorf("identity: issuer: %w", err)
	}
	if cfg.Store == nil || cfg.KeyDir == "" || cfg.Domain == "" {
		return nil, errors.New("identity: Store, KeyDir and Domain are needed")
	}
	cfg.setDefaults()
	keys, err := loadSigningKeys(cfg.KeyDir)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("identity: issuer: %w", err)
	}
	s := &Service{
		cfg: cfg, path: strings.TrimSuffix(u.Path, "/"), secure: u.Scheme == "https", keys: keys, clients: map[string]Client{},
		requests: newRequests(cfg.Clock), devices: newDevices(cfg.Clock), sessions: newSessions(cfg.Clock), throttle: newThrottle(cfg.Clock),
		hashing: make(chan struct{}, 2), nobody: nobodysVerifier(), matches: verifier.matches,
		failures: rate.NewLimiter(5, 100), csrfKey: []byte(rand.Text()), patience: formTimeout,
	}
	for _, c := range cfg.Clients {
		s.clients[c.ID] = c
	}
	if err := s.buildProvider(); err != nil {
		return nil, err
	}
	if s.passkeys, err = newRelyingParty(u); err != nil {
		return nil, err
	}
	s.handler = s.routes()
	return s, nil
}

func (cfg *ServiceConfig) setDefaults() {
	cfg.Issuer = strings.TrimSuffix(cfg.Issuer, "/")
	if cfg.Audience == "" {
		cfg.Audience = "naisen"
	}
	if cfg.Clients == nil {
		cfg.Clients = []Client{CLIClient()}
	}
	if cfg.AccessTTL <= 0 {
		cfg.AccessTTL = 10 * time.Minute
	}
	if cfg.RefreshTTL <= 0 {
		cfg.RefreshTTL = 14 * 24 * time.Hour
	}
	if cfg.SessionTTL <= 0 {
		cfg.SessionTTL = 8 * time.Hour
	}
	if cfg.Source == nil {
		cfg.Source = sourceOf
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.BrokenGlass == nil {
		cfg.BrokenGlass = func(string, provisioning.EmergencySignIn) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
}

func (s *Service) buildProvider() error {
	conf := &op.Config{
		CodeMethodS256: true, GrantTypeRefreshToken: true, DefaultLogoutRedirectURI: s.cfg.Issuer + "/signed-out",
		SupportedUILocales: []language.Tag{language.Japanese, language.English},
		SupportedScopes:    knownScopes(),
		SupportedClaims:    []string{"sub", "aud", "exp", "iat", "iss", "auth_time", "nonce", "acr", "amr", "at_hash", "preferred_username", "name"},
	}
	rand.Read(conf.CryptoKey[:]) // seals codes only, which do not survive a restart
	conf.CryptoKeyId = rand.Text()
	var opts []op.Option
	if !s.secure {
		opts = append(opts, op.WithAllowInsecure())
	}
	var err error
	s.provider, err = op.NewProvider(conf, &storage{s}, op.StaticIssuer(s.cfg.Issuer), opts...)
	if err != nil {
		return fmt.Errorf("identity: provider: %w", err)
	}
	return nil
}

// revoked says that a sign-in is worth nothing any more.
func (s *Service) revoked(who account, at time.Time) bool {
	return s.cfg.Revoked != nil && s.cfg.Revoked(provisioning.Subject{Domain: who.domain, User: who.user, Issuer: s.cfg.Issuer, Issued: at}) != ""
}

// Handler serves the service below Path: mux.Handle(s.Path()+"/", s.Handler()).
func (s *Service) Handler() http.Handler { return s.handler }

// Path is the issuer's path without its last slash: where Handler belongs.
func (s *Service) Path() string { return s.path }

// Issuer is how a Verifier accepts this service's tokens: by its own keys, without a request, with the store's roles.
func (s *Service) Issuer() Issuer {
	return Issuer{
		URL: s.cfg.Issuer, Audience: s.cfg.Audience, RequireATJWT: true, keys: s.keys,
		Mapping: Mapping{User: []string{"preferred_username"}, Domain: []string{"domain"}, StoreRoles: true},
	}
}

// ResetPassword is NewOneTimePassword that also ends all that the user is signed in with.
func (s *Service) ResetPassword(ctx context.Context, by provisioning.Subject, domain, user string) (oneTime string, err error) {
	oneTime, err = NewOneTimePassword(ctx, s.cfg.Store, by, domain, user)
	if err == nil {
		err = s.EndSessions(ctx, by, domain, user, "credential-change")
	}
	return oneTime, err
}

// routes: our own pages, and of the library only what is listed.
func (s *Service) routes() http.Handler {
	endpoints := op.Endpoints{
		Authorization: op.NewEndpoint("authorize"), Token: op.NewEndpoint("token"), JwksURI: op.NewEndpoint("keys"),
		Userinfo: op.NewEndpoint("userinfo"), Revocation: op.NewEndpoint("revoke"), EndSession: op.NewEndpoint("end_session"),
		DeviceAuthorization: op.NewEndpoint("device_authorization"),
	}
	lib := op.RegisterServer(&server{LegacyServer: op.NewLegacyServer(s.provider, endpoints), s: s}, endpoints,
		op.WithServerCORSOptions(nil), op.WithHTTPMiddleware(op.NewIssuerInterceptor(s.provider.IssuerFromRequest).Handler))

	mux := http.NewServeMux()
	mux.Handle("GET /.well-known/openid-configuration", public(lib))
	mux.Handle("GET /keys", public(lib))
	mux.Handle("GET /authorize", s.limited("start", startRate(), lib))
	mux.Handle("POST /authorize", s.limited("start", startRate(), lib))
	mux.Handle("POST /token", s.limited("token", tokenRate(), lib))
	mux.Handle("POST /device_authorization", s.limited("device", deviceRate(), s.withSource(lib)))
	mux.HandleFunc("GET /device", s.showDevice)
	mux.HandleFunc("POST /device", s.postDevice)
	mux.HandleFunc("POST /device/confirm", s.postConfirm)
	mux.Handle("GET /userinfo", lib)
	mux.Handle("POST /userinfo", lib)
	mux.Handle("POST /revoke", s.limited("token", tokenRate(), lib))
	mux.Handle("GET /end_session", lib)
	mux.Handle("POST /end_session", lib)
	mux.HandleFunc("GET /login", s.showLogin)
	mux.HandleFunc("POST /login", s.postLogin)
	mux.HandleFunc("POST /password", s.postPassword)
	mux.HandleFunc("POST /second", s.postSecond)
	mux.HandleFunc("POST /reason", s.postReason)
	mux.HandleFunc("POST /continue", s.postContinue)
	mux.HandleFunc("GET /account", s.showAccount)
	mux.HandleFunc("POST /account", s.postAccount)
	mux.HandleFunc("GET /passkey.js", s.showScript)
	mux.HandleFunc("GET /signed-out", s.showSignedOut)
	guarded := http.NewCrossOriginProtection()
	guarded.AddInsecureBypassPattern("POST /token") // no cookie there: called by programs, also from other origins
	guarded.AddInsecureBypassPattern("POST /device_authorization")
	guarded.AddInsecureBypassPattern("POST /revoke")
	guarded.AddInsecureBypassPattern("POST /userinfo")
	guarded.AddInsecureBypassPattern("POST /authorize") // OpenID Connect Core section 3.1.2.1: changes nothing but its own request
	return http.StripPrefix(s.path, s.harden(guarded.Handler(mux)))
}

// Bounds of one request: its body in bytes, and the time for it to come and for the answer to go.
const (
	maxForm     = 64 << 10
	formTimeout = 20 * time.Second
)

// harden sets what every answer needs: no storing, no framing, no sniffing, nothing active. Whoever sends or reads slowly is cut off: here
// anybody may connect.
func (s *Service) harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		c, by := http.NewResponseController(w), time.Now().Add(s.patience)
		if err := errors.Join(c.SetReadDeadline(by), c.SetWriteDeadline(by.Add(s.patience))); err != nil && !errors.Is(err, http.ErrNotSupported) {
			s.cfg.Log.Debug("identity: no deadline", "err", err)
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if len(r.URL.RawQuery) > maxForm {
			http.Error(w, http.StatusText(http.StatusRequestURITooLong), http.StatusRequestURITooLong)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// public documents may be read by any origin and kept for a minute.
func public(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		next.ServeHTTP(w, r)
	})
}

// limited throttles by source what costs memory or a store write.
func (s *Service) limited(what string, each rateOf, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait := s.throttle.take(what+" "+s.cfg.Source(r), each); wait > 0 {
			tooMany(w, wait)
			http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func tooMany(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", fmt.Sprint(int(wait/time.Second)+1))
}
