// Package enrol owns the way by which an app on a smartphone becomes a telephone of an extension: somebody who may makes a one-time code, the app shows it
// over HTTPS, and is given a SIP account of its own. It never shows an account twice, keeps no password, and tells whoever shows a wrong code nothing.
package enrol

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"naisen/provisioning"
)

// Pattern is where codes are shown, for a ServeMux.
const Pattern = "/enrol/{domain}"

// Link is what an app is given, as text or in a QR code. The code stands in the fragment, which browsers and proxies send to nobody and log nowhere.
func Link(base, domain, code string) string {
	return base + "/enrol/" + url.PathEscape(domain) + "#" + code
}

const (
	maxBody = 4 << 10
	atOnce  = 8 // codes that are looked up at a time: a flood of wrong ones does not take the store from others
	patient = 10 * time.Second
)

// Way is how apps reach the switch.
type Way struct {
	Proxy string // "sip.ward.example.jp:5061": SIP over TLS
	Push  []string
	STUN  []string
	TURN  *provisioning.RelayGrant // nil: there is no relay
}

// Config of a Handler. Store, Way and Wrong are needed.
type Config struct {
	Store provisioning.Store
	// Way is how an app of the extension reaches the switch; false: it cannot, and no code is used up.
	Way func(domain, extension string) (Way, bool)
	// Wrong is told of each wrong code, and says whether its sender was wrong too often. It must not block.
	Wrong func(domain string, from netip.Addr) (tooOften bool)
	Clock func() time.Time // nil: time.Now
	Log   *slog.Logger
}

// Handler serves Pattern. Safe for concurrent use.
type Handler struct {
	Config
	room chan struct{}
}

// New makes a Handler.
func New(cfg Config) *Handler {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Handler{cfg, make(chan struct{}, atOnce)}
}

// Shown is what an app sends.
type Shown struct {
	Code  string `json:"code"`
	Title string `json:"title"` // as its owner calls it
}

// Account is what it is given, once.
type Account struct {
	ID        string `json:"id"`
	Domain    string `json:"domain"`
	Extension string `json:"extension"`
	Display   string `json:"display,omitempty"`
	AOR       string `json:"aor"` // what it registers as
	Username  string `json:"username"`
	Password  string `json:"password"`
	Realm     string `json:"realm"`
	Proxy     string `json:"outbound_proxy"` // a URI: everything goes there
	Transport string `json:"transport"`
	Media     string `json:"media"` // "srtp-required": SRTP or nothing

	Push []string                 `json:"push"` // services that wake it, as Feature-Caps says them (RFC 8599 section 9)
	STUN []string                 `json:"stun"`
	TURN *provisioning.RelayGrant `json:"turn,omitempty"`
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	from := peer(r)
	switch {
	case r.TLS == nil && !from.IsLoopback(): // nobody listens so; a password is not sent for who would
		problem(w, http.StatusForbidden)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, page)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, HEAD, POST")
		problem(w, http.StatusMethodNotAllowed)
	default:
		h.post(w, r, from)
	}
}

// peer is who sends the request; zero where that is not known.
func peer(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

func (h *Handler) post(w http.ResponseWriter, r *http.Request, from netip.Addr) {
	select {
	case h.room <- struct{}{}:
		defer func() { <-h.room }()
	default:
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(h.Clock().Add(patient)) // where there is a connection
	var shown Shown
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		problem(w, http.StatusUnsupportedMediaType)
		return
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if d.Decode(&shown) != nil || d.Decode(&struct{}{}) != io.EOF {
		problem(w, http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patient)
	defer cancel()
	account, err := h.redeem(ctx, r.PathValue("domain"), shown, r.UserAgent(), from)
	switch {
	case errors.Is(err, provisioning.ErrNotFound):
		if h.Wrong(r.PathValue("domain"), from) {
			w.Header().Set("Retry-After", "60")
			problem(w, http.StatusTooManyRequests)
			return
		}
		problem(w, http.StatusNotFound)
	case errors.Is(err, errNoWay):
		problem(w, http.StatusConflict)
	case err != nil:
		h.Log.Error("enrol: code not redeemed", "err", err)
		problem(w, http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(account) // an app that is gone has to be enrolled anew: its account does nothing, and is listed
	}
}

var errNoWay = errors.New("enrol: apps cannot reach the switch")

// redeem looks first, so that a wrong code never takes the writers' turn.
func (h *Handler) redeem(ctx context.Context, domain string, shown Shown, agent string, from netip.Addr) (a Account, err error) {
	now := h.Clock()
	err = h.Store.View(ctx, func(r provisioning.Reader) error {
		_, err := provisioning.Enrolled(r, domain, provisioning.EnrolSoftphone, shown.Code, now)
		return err
	})
	if err != nil {
		return a, err
	}
	app := provisioning.Softphone{Title: plainText(shown.Title), Agent: plainText(agent)}
	err = h.Store.Update(ctx, provisioning.Subject{Domain: domain, User: "softphone", Source: from.String()}, func(w provisioning.Writer) error {
		got, err := redeem(w, domain, shown.Code, app, now)
		if err != nil {
			return err
		}
		number := got.extension.Number
		way, ok := h.Way(domain, number)
		if !ok {
			return errNoWay
		}
		a = Account{ID: got.app.ID, Domain: domain, Extension: number, Display: got.extension.Display, AOR: "sip:" + number + "@" + domain,
			Username: provisioning.SoftphoneLogin(number, got.app.ID), Password: got.password.Reveal(), Realm: domain,
			Proxy: "sip:" + way.Proxy + ";transport=tls;lr", Transport: "tls", Media: "srtp-required", Push: way.Push, STUN: way.STUN, TURN: way.TURN}
		return nil
	})
	if err != nil {
		return Account{}, err
	}
	return a, nil
}

// problem answers without a word more than the status (RFC 9457).
func problem(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status})
}

// page is for people who open the link with their camera instead of the app.
const page = `<!DOCTYPE html>
<html lang="ja"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>内線 Naisen</title></head><body>
<h1>内線アプリの登録</h1><p>このコードはブラウザーでは使えません。スマートフォンの内線アプリを開き、「QRコードで登録」からもう一度読み取ってください。コードの有効期限は短く、一度しか使えません。</p>
<h1 lang="en">Enrol the telephone app</h1><p lang="en">A browser has no use for this code. Open the telephone app on your smartphone and scan it there again. The code counts once, and not for long.</p>
</body></html>
`
