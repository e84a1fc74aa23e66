package identity

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"naisen/provisioning"
	"naisen/provisioning/qr"
)

// accountRecent is how long after a sign-in a person may change how they sign in; then they sign in once more.
const accountRecent = 10 * time.Minute

// visitor is who looks at the account page: a browser's session and its cookie.
type visitor struct {
	session
	cookie string
	next   string // the sign-in to go on with, "" none
}

// visitor finds who it is, or leads to the sign-in and says false.
func (s *Service) visitor(w http.ResponseWriter, r *http.Request) (visitor, bool) {
	id := s.cookie(r, cookieSession)
	v, ok, err := s.sessionOf(r.Context(), id)
	if err != nil {
		s.showFault(w, r, "session", err)
		return visitor{}, false
	}
	if !ok {
		s.signInHere(w, r, levelPassword)
		return visitor{}, false
	}
	if v.sealed { // nothing of it is changed here
		s.showGone(w, r)
		return visitor{}, false
	}
	return visitor{session: v, cookie: id}, true
}

// signInHere leads to a sign-in whose end is the account page.
func (s *Service) signInHere(w http.ResponseWriter, r *http.Request, need level) {
	if wait := s.throttle.take("start "+s.cfg.Source(r), startRate()); wait > 0 {
		tooMany(w, wait)
		http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
		return
	}
	a := s.requests.add(authRequest{goal: forAccount, need: need, prompt: []string{oidc.PromptLogin}})
	http.Redirect(w, r, s.path+"/login?id="+url.QueryEscape(a.id), http.StatusSeeOther)
}

func (s *Service) showAccount(w http.ResponseWriter, r *http.Request) {
	v, ok := s.visitor(w, r)
	if !ok {
		return
	}
	v.next = r.URL.Query().Get("for")
	s.accountPage(w, r, v, http.StatusOK, accountPage{Plain: true})
}

// postAccount does one of the page's actions. All but the end of a session need a sign-in of the last minutes, with the second factor if there is one:
// a browser that was left open must not be turned into a key of its own.
func (s *Service) postAccount(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.showGone(w, r)
		return
	}
	v, ok := s.visitor(w, r)
	if !ok {
		return
	}
	if !s.csrfOK(r.PostForm.Get("csrf"), v.cookie, "account") {
		s.showGone(w, r)
		return
	}
	v.next = r.PostForm.Get("for")
	do, key := r.PostForm.Get("do"), r.PostForm.Get("key")
	switch do {
	case "end", "end-others", "sign-out":
		s.endFromPage(w, r, v, do, key)
		return
	}
	f, err := s.factorsOf(r.Context(), v.who)
	if err != nil {
		s.showFault(w, r, "second factors", err)
		return
	}
	need := levelPassword
	if f.any() {
		need = levelTwo
	}
	if levelOf(v.acr) < need || s.cfg.Clock().Sub(v.at) > accountRecent {
		s.signInHere(w, r, need)
		return
	}
	actions := map[string]func(http.ResponseWriter, *http.Request, visitor, factors){
		"app": s.beginApp, "app-confirm": s.confirmApp, "passkey": s.beginKey, "passkey-confirm": s.confirmKey, "recovery": s.renewCodes,
		"remove-app": s.removeFactor, "remove-passkey": s.removeFactor,
	}
	if act := actions[do]; act != nil {
		act(w, r, v, f)
		return
	}
	s.showGone(w, r)
}

func (s *Service) endFromPage(w http.ResponseWriter, r *http.Request, v visitor, do, key string) {
	by := provisioning.Subject{Domain: v.who.domain, User: v.who.user}
	var err error
	switch do {
	case "end":
		err = s.EndSession(r.Context(), by, v.who.domain, v.who.user, key)
	case "end-others":
		s.requests.drop(v.who)
		s.sessions.dropIf(func(x session) bool { return x.who == v.who && x.id != v.id })
		err = s.cfg.Store.Update(r.Context(), by, func(w provisioning.Writer) error {
			if err := dropGrants(w, v.who.domain, v.who.user); err != nil {
				return err
			}
			return w.AddAudit(endEntry(v.who, "session.end-all", map[string]any{"why": "own wish", "but": v.id}))
		})
	case "sign-out":
		s.sessions.end(v.who, v.id)
		http.Redirect(w, r, s.path+"/signed-out", http.StatusSeeOther)
		return
	}
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
		s.showFault(w, r, "end of a session", err)
		return
	}
	http.Redirect(w, r, s.path+"/account", http.StatusSeeOther)
}

func (s *Service) beginApp(w http.ResponseWriter, r *http.Request, v visitor, _ factors) {
	secret := newTOTP()
	s.sessions.enrol(v.cookie, enrolment{totp: secret})
	s.showApp(w, r, v, secret, http.StatusOK, "")
}

func (s *Service) showApp(w http.ResponseWriter, r *http.Request, v visitor, secret []byte, status int, complaint string) {
	code, err := qr.Draw(totpURI(secret, v.who))
	if err != nil {
		s.showFault(w, r, "QR code", err)
		return
	}
	s.accountPage(w, r, v, status, accountPage{NewApp: base32Of(secret), QR: code, Error: complaint})
}

// confirmApp adds the app once it shows the right code. That code is used up by it.
func (s *Service) confirmApp(w http.ResponseWriter, r *http.Request, v visitor, _ factors) {
	if v.pending.totp == nil {
		s.showGone(w, r)
		return
	}
	app := totpFactor{Secret: v.pending.totp, Added: s.cfg.Clock()}
	if wait := s.throttle.take("enrol "+v.id, accountRate()); wait > 0 {
		tooMany(w, wait)
		s.showApp(w, r, v, app.Secret, http.StatusTooManyRequests, textsFor(r).Wait)
		return
	}
	if !app.use(strings.ReplaceAll(r.PostForm.Get("code"), " ", ""), s.cfg.Clock()) {
		s.showApp(w, r, v, app.Secret, http.StatusForbidden, textsFor(r).WrongCode)
		return
	}
	s.added(w, r, v, "app", func(f *factors) error { f.TOTP = &app; return nil }, ACRMFA, amrCode)
}

// added stores a new factor, ends everything else that the person is signed in with, and goes on as whoever has shown it. The first one comes with
// recovery codes.
func (s *Service) added(w http.ResponseWriter, r *http.Request, v visitor, what string, change func(*factors) error, acr string, methods ...string) {
	var codes []string
	err := s.replaceFactors(r.Context(), v, "factor.added", what, func(f *factors) error {
		first := !f.any()
		if err := change(f); err != nil {
			return err
		}
		if codes = nil; first {
			codes = f.renewRecovery()
		}
		return nil
	})
	if err != nil {
		s.showFault(w, r, "new factor", err)
		return
	}
	next := v.session
	if next.id = ""; levelOf(acr) > levelOf(next.acr) {
		next.acr = acr
	}
	next.amr = withMethods(next.amr, append(methods, amrTwo)...)
	v.cookie = s.openSession(w, r, next)
	if v.session, _ = s.sessions.get(v.cookie); v.id == "" {
		s.showGone(w, r)
		return
	}
	s.accountPage(w, r, v, http.StatusOK, accountPage{Plain: true, Codes: codes})
}

// replaceFactors changes them, and ends refresh tokens and all browsers but this one.
func (s *Service) replaceFactors(ctx context.Context, v visitor, action, what string, change func(*factors) error) error {
	by := provisioning.Subject{Domain: v.who.domain, User: v.who.user}
	err := s.changeFactors(ctx, by, v.who, change, func(w provisioning.Writer) error {
		if err := dropGrants(w, v.who.domain, v.who.user); err != nil {
			return err
		}
		return w.AddAudit(endEntry(v.who, action, map[string]any{"factor": what, "source": v.source}))
	})
	if err == nil {
		s.sessions.dropIf(func(x session) bool { return x.who == v.who && x.id != v.id })
	}
	return err
}

func (s *Service) renewCodes(w http.ResponseWriter, r *http.Request, v visitor, f factors) {
	if !f.any() {
		s.showGone(w, r)
		return
	}
	var codes []string
	err := s.replaceFactors(r.Context(), v, "factor.added", "recovery", func(f *factors) error { codes = f.renewRecovery(); return nil })
	if err != nil {
		s.showFault(w, r, "recovery codes", err)
		return
	}
	s.accountPage(w, r, v, http.StatusOK, accountPage{Plain: true, Codes: codes})
}

func (s *Service) removeFactor(w http.ResponseWriter, r *http.Request, v visitor, _ factors) {
	what, key := r.PostForm.Get("do"), r.PostForm.Get("key")
	err := s.replaceFactors(r.Context(), v, "factor.removed", strings.TrimPrefix(what, "remove-"), func(f *factors) error {
		if what == "remove-app" {
			f.TOTP = nil
			return nil
		}
		f.Passkeys = slices.DeleteFunc(f.Passkeys, func(k passkey) bool { return k.id() == key })
		return nil
	})
	if err != nil {
		s.showFault(w, r, "second factor", err)
		return
	}
	http.Redirect(w, r, s.path+"/account", http.StatusSeeOther)
}
