package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/oauth2"
)

// Errors of a Login.
var (
	ErrWrongPassword = errors.New("identity: user or password is wrong")
	ErrTooMany       = errors.New("identity: too many attempts; wait")
	ErrSecondFactor  = errors.New("identity: a second factor is asked for, which cannot be shown here")
	ErrLogin         = errors.New("identity: sign-in did not end with a code")
)

// Login signs a person in from the command line with the authorization code flow and PKCE (RFC 8252).
type Login struct {
	Issuer   string
	ClientID string       // "": "pbx-cli"
	Scopes   []string     // nil: openid, offline_access, ScopeAPI
	Resource string       // that the token is for, a URI (RFC 8707), where the issuer wants to be told; "": it knows
	Callback string       // loopback address and port that the browser comes back to, of an issuer that compares it with one it was told; "": any port
	StepUp   Requirement  // ACR and MaxAge are asked of the issuer (RFC 9470 section 4); AMR cannot be
	HTTP     *http.Client // nil: a new one. Its transport is used; cookies and redirects are the Login's own
	// Code is asked for a code of the authenticator app, or a recovery code, where Password meets a second factor; nil makes that ErrSecondFactor.
	Code func() (string, error)
}

// Tokens is what a sign-in gives. It prints as "[redacted]".
type Tokens struct {
	Access  string
	Refresh string // "" when the issuer gave none
	Expires time.Time
}

func (Tokens) String() string       { return "[redacted]" }
func (Tokens) GoString() string     { return "[redacted]" }
func (Tokens) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Password signs in at the embedded service's own pages, without a browser. newPassword is asked when the password was a one-time
// one; nil makes that ErrWeakPassword. Errors: ErrWrongPassword, ErrTooMany, ErrWeakPassword, ErrSecondFactor, ErrLogin.
func (l Login) Password(ctx context.Context, user, password string, newPassword func() (string, error)) (Tokens, error) {
	f, err := l.start(ctx, "http://127.0.0.1:1/callback") // nothing listens there: the last redirect is read, not followed
	if err != nil {
		return Tokens{}, err
	}
	resp, err := f.get(ctx, f.url)
	for asked := 0; err == nil && asked < 8; asked++ {
		if code, done, err := f.code(resp); done || err != nil {
			if err != nil {
				return Tokens{}, err
			}
			return f.exchange(ctx, code)
		}
		var p form
		if p, err = readForm(resp); err != nil {
			break
		}
		switch {
		case p.asks("user") && asked == 0:
			p.values.Set("user", user)
			p.values.Set("password", password)
		case p.asks("again") && newPassword != nil:
			var next string
			if next, err = newPassword(); err != nil {
				return Tokens{}, err
			}
			p.values.Set("password", next)
			p.values.Set("again", next)
		case p.asks("again"):
			return Tokens{}, ErrWeakPassword
		case p.asks("code") && l.Code != nil && p.status != http.StatusTooManyRequests:
			var code string
			if code, err = l.Code(); err != nil {
				return Tokens{}, err
			}
			p.values.Set("code", code)
		case p.asks("code"), p.status == http.StatusOK && p.asks("passkey") && asked > 0:
			return Tokens{}, ErrSecondFactor
		default:
			return Tokens{}, statusError(p.status)
		}
		resp, err = f.post(ctx, p)
	}
	if err == nil {
		err = ErrLogin
	}
	return Tokens{}, err
}

func statusError(status int) error {
	switch status {
	case http.StatusForbidden:
		return ErrWrongPassword
	case http.StatusTooManyRequests:
		return ErrTooMany
	case http.StatusUnprocessableEntity:
		return ErrWeakPassword
	}
	return fmt.Errorf("%w: status %d", ErrLogin, status)
}

// Browser opens the issuer's page with open (which shows or prints the address) and waits on a loopback port for the answer.
func (l Login) Browser(ctx context.Context, open func(url string) error) (Tokens, error) {
	at := l.Callback
	if at == "" {
		at = "127.0.0.1:0"
	}
	if addr, err := netip.ParseAddrPort(at); err != nil || !addr.Addr().IsLoopback() {
		return Tokens{}, errors.New("identity: callback is no loopback address and port")
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if err != nil {
		return Tokens{}, fmt.Errorf("identity: loopback: %w", err)
	}
	f, err := l.start(ctx, "http://"+ln.Addr().String()+"/callback")
	if err != nil {
		return Tokens{}, errors.Join(err, ln.Close())
	}
	type answer struct {
		code string
		err  error
	}
	answers := make(chan answer, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		code, err := f.answer(r.URL.Query())
		if err != nil && !errors.Is(err, ErrLogin) { // not ours: keep waiting
			http.Error(w, "This is not the answer that was waited for.", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		fmt.Fprintln(w, "You can close this window. このウィンドウは閉じてかまいません。")
		select {
		case answers <- answer{code, err}:
		default:
		}
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if srv.Shutdown(stop) != nil {
			srv.Close()
		}
		<-served
	}()
	if err := open(f.url); err != nil {
		return Tokens{}, err
	}
	select {
	case a := <-answers:
		if a.err != nil {
			return Tokens{}, a.err
		}
		return f.exchange(ctx, a.code)
	case <-ctx.Done():
		return Tokens{}, ctx.Err()
	}
}

// Refresh exchanges a refresh token; the old one is used up. ErrLogin when the issuer refuses it.
func (l Login) Refresh(ctx context.Context, refresh string) (Tokens, error) {
	f, err := l.start(ctx, "http://127.0.0.1:1/callback")
	if err != nil {
		return Tokens{}, err
	}
	t, err := f.conf.TokenSource(f.context(ctx), &oauth2.Token{RefreshToken: refresh}).Token()
	return tokensOf(t, err)
}

// loginTimeout bounds each request of a sign-in.
const loginTimeout = 30 * time.Second

// flow is one authorization request.
type flow struct {
	conf            oauth2.Config
	target          []oauth2.AuthCodeOption
	client          *http.Client
	verifier, state string
	issuer, url     string
}

func (l Login) start(ctx context.Context, redirect string) (*flow, error) {
	if err := checkURL(l.Issuer); err != nil {
		return nil, fmt.Errorf("identity: issuer: %w", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("identity: cookies: %w", err)
	}
	f := &flow{client: &http.Client{Jar: jar, CheckRedirect: noRedirect, Timeout: loginTimeout}, verifier: oauth2.GenerateVerifier(), state: rand.Text()}
	if l.HTTP != nil {
		f.client.Transport = l.HTTP.Transport
	}
	doc, err := discover(ctx, f.client, l.Issuer)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if checkURL(doc.Authorization) != nil || checkURL(doc.Token) != nil {
		return nil, errors.New("identity: discovery: unsafe addresses")
	}
	if l.ClientID == "" {
		l.ClientID = CLIClient().ID
	}
	if l.Scopes == nil {
		l.Scopes = []string{"openid", "offline_access", ScopeAPI}
	}
	f.issuer, f.target = l.Issuer, l.target()
	f.conf = oauth2.Config{
		ClientID: l.ClientID, RedirectURL: redirect, Scopes: l.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: doc.Authorization, TokenURL: doc.Token, DeviceAuthURL: doc.Device, AuthStyle: oauth2.AuthStyleInParams},
	}
	// A nonce is what some issuers insist on. The ID token that repeats it is not used: PKCE ties the code to this sign-in.
	f.url = f.conf.AuthCodeURL(f.state, append(l.asked(), oauth2.S256ChallengeOption(f.verifier), oauth2.SetAuthURLParam("nonce", rand.Text()))...)
	return f, nil
}

// asked of the issuer beside the code: how and how lately the person signs in (OpenID Connect Core section 3.1.2.1).
func (l Login) asked() (opts []oauth2.AuthCodeOption) {
	if len(l.StepUp.ACR) > 0 {
		opts = append(opts, oauth2.SetAuthURLParam("acr_values", strings.Join(l.StepUp.ACR, " ")))
	}
	if l.StepUp.MaxAge > 0 {
		opts = append(opts, oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(l.StepUp.MaxAge/time.Second))))
	}
	return append(opts, l.target()...)
}

func (l Login) target() (opts []oauth2.AuthCodeOption) {
	if l.Resource != "" {
		opts = append(opts, oauth2.SetAuthURLParam("resource", l.Resource))
	}
	return opts
}

func (f *flow) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, f.client)
}

// answer reads the redirect's parameters. A wrong state or issuer (RFC 9207) is an error that is not ErrLogin.
func (f *flow) answer(q url.Values) (string, error) {
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.state)) != 1 {
		return "", errors.New("identity: answer to another sign-in")
	}
	if iss := q.Get("iss"); iss != "" && iss != f.issuer {
		return "", errors.New("identity: answer of another issuer")
	}
	if q.Get("code") == "" {
		return "", fmt.Errorf("%w: %.64q", ErrLogin, q.Get("error"))
	}
	return q.Get("code"), nil
}

// code sees whether resp is the redirect back to us.
func (f *flow) code(resp *http.Response) (code string, done bool, err error) {
	to := resp.Header.Get("Location")
	if !strings.HasPrefix(to, f.conf.RedirectURL+"?") {
		return "", false, nil
	}
	resp.Body.Close()
	u, err := url.Parse(to)
	if err != nil {
		return "", true, ErrLogin
	}
	code, err = f.answer(u.Query())
	return code, true, err
}

func (f *flow) exchange(ctx context.Context, code string) (Tokens, error) {
	t, err := f.conf.Exchange(f.context(ctx), code, append(f.target, oauth2.VerifierOption(f.verifier))...)
	return tokensOf(t, err)
}

func tokensOf(t *oauth2.Token, err error) (Tokens, error) {
	var refusal *oauth2.RetrieveError
	if errors.As(err, &refusal) { // its text would hold the response's body
		return Tokens{}, fmt.Errorf("%w: %.64q", ErrLogin, refusal.ErrorCode)
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("identity: token request: %w", err)
	}
	return Tokens{Access: t.AccessToken, Refresh: t.RefreshToken, Expires: t.Expiry}, nil
}

// get follows redirects inside the issuer's origin only.
func (f *flow) get(ctx context.Context, to string) (*http.Response, error) {
	for range 5 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
		if err != nil {
			return nil, err
		}
		resp, err := f.client.Do(req)
		if err != nil {
			return nil, fmt.Errorf("identity: sign-in: %w", err)
		}
		next, err := resp.Location()
		if err != nil || strings.HasPrefix(next.String(), f.conf.RedirectURL+"?") {
			return resp, nil
		}
		resp.Body.Close()
		if next.Scheme+next.Host != req.URL.Scheme+req.URL.Host {
			return nil, fmt.Errorf("%w: it leads to another host", ErrLogin)
		}
		to = next.String()
	}
	return nil, fmt.Errorf("%w: too many redirects", ErrLogin)
}

func (f *flow) post(ctx context.Context, p form) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.action, strings.NewReader(p.values.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("identity: sign-in: %w", err)
	}
	return resp, nil
}

// form is the first form of a page.
type form struct {
	status int
	action string
	values url.Values // hidden fields with their values, others empty
}

func (p form) asks(name string) bool { _, ok := p.values[name]; return ok }

func readForm(resp *http.Response) (form, error) {
	defer resp.Body.Close()
	p := form{status: resp.StatusCode, values: url.Values{}}
	z := html.NewTokenizer(io.LimitReader(resp.Body, maxForm))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if p.action == "" {
				return p, statusError(p.status)
			}
			return p, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			attr := map[string]string{}
			for _, a := range t.Attr {
				attr[a.Key] = a.Val
			}
			if t.Data == "form" && p.action == "" {
				to, err := resp.Request.URL.Parse(attr["action"])
				if err != nil || to.Host != resp.Request.URL.Host {
					return p, ErrLogin
				}
				p.action = to.String()
			}
			if t.Data == "input" && attr["name"] != "" {
				p.values.Set(attr["name"], attr["value"])
			}
		}
	}
}
