package identity

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"naisen/provisioning"
)

// showLogin is where the client's authorization request leads. Its first page ties the sign-in to this browser, so that a link
// sent by someone else cannot be finished here and redeemed there.
func (s *Service) showLogin(w http.ResponseWriter, r *http.Request) {
	browser := s.browser(w, r)
	s.setCookie(w, cookieBrowser, browser, requestTTL)
	a, err := s.requests.update(r.URL.Query().Get("id"), func(a *authRequest) error {
		if a.browser != "" && a.browser != browser {
			return errNoRequest
		}
		a.browser = browser
		return nil
	})
	if err != nil {
		s.showGone(w, r)
		return
	}
	sess, ok, err := s.session(r, a)
	switch {
	case err != nil:
		s.showFault(w, r, "session", err)
	case ok && !s.clients[a.client].Native:
		s.complete(w, r, a.id, sess)
	case slices.Contains(a.prompt, oidc.PromptNone):
		op.AuthRequestError(w, r, a, oidc.ErrLoginRequired(), s.provider)
	case a.step == stepNewPassword:
		s.show(w, http.StatusOK, s.formPage(r, a, "new-password"))
	case ok:
		p := s.formPage(r, a, "continue")
		p.Text = strings.NewReplacer("%user", sess.who.sub(), "%client", s.clients[a.client].Name).Replace(p.T.ContinueAs)
		s.show(w, http.StatusOK, p)
	default:
		s.show(w, http.StatusOK, s.formPage(r, a, "login"))
	}
}

// session gives the browser's session if this sign-in may use it.
func (s *Service) session(r *http.Request, a authRequest) (session, bool, error) {
	id := s.cookie(r, cookieSession)
	if id == "" || slices.Contains(a.prompt, oidc.PromptLogin) || slices.Contains(a.prompt, oidc.PromptSelectAccount) {
		return session{}, false, nil
	}
	v, ok := s.sessions.get(id)
	if !ok || (a.maxAge != nil && s.cfg.Clock().Sub(v.at) > time.Duration(*a.maxAge)*time.Second) {
		return session{}, false, nil
	}
	u, stored, known, err := readAccount(r.Context(), s.cfg.Store, v.who)
	if err != nil {
		return session{}, false, err
	}
	return v, known && !u.Out(s.cfg.Clock()) && !stored.MustChange && string(stored.Salt) == v.salt, nil
}

// posted checks what every form carries: the sign-in, its browser, the CSRF token. It answers itself when it says false.
func (s *Service) posted(w http.ResponseWriter, r *http.Request, want step) (authRequest, bool) {
	if err := r.ParseForm(); err != nil {
		s.showGone(w, r)
		return authRequest{}, false
	}
	a, err := s.requests.get(r.PostForm.Get("id"))
	browser := s.cookie(r, cookieBrowser)
	if err != nil || browser == "" || a.browser != browser || a.step != want || !s.csrfOK(r.PostForm.Get("csrf"), browser, a.id) {
		s.showGone(w, r)
		return authRequest{}, false
	}
	return a, true
}

func (s *Service) postLogin(w http.ResponseWriter, r *http.Request) {
	a, ok := s.posted(w, r, stepPassword)
	if !ok {
		return
	}
	login, password := strings.Clone(r.PostForm.Get("user")), r.PostForm.Get("password") // a part of the body would keep all of it, with the password
	who, err := s.resolve(r.Context(), login)
	if err != nil {
		s.showFault(w, r, "sign-in", err)
		return
	}
	source := s.cfg.Source(r)
	keys := []string{"source " + source, "account " + source + " " + who.sub()}
	for i, rate := range []rateOf{sourceRate(), accountRate()} {
		if wait := s.throttle.take(keys[i], rate); wait > 0 {
			tooMany(w, wait)
			p := s.formPage(r, a, "login")
			p.User, p.Error = trimLogin(login), p.T.Wait
			s.show(w, http.StatusTooManyRequests, p)
			return
		}
	}
	u, v, good, err := s.checkPassword(r.Context(), who, password)
	if errors.Is(err, errBusy) {
		tooMany(w, s.patience)
		p := s.formPage(r, a, "login")
		p.User, p.Error = trimLogin(login), p.T.Wait
		s.show(w, http.StatusTooManyRequests, p)
		return
	}
	if err != nil {
		s.showFault(w, r, "sign-in", err)
		return
	}
	if !good {
		s.auditFailed(r.Context(), who, u.Name != "", source)
		p := s.formPage(r, a, "login")
		p.User, p.Error = trimLogin(login), p.T.Wrong
		s.show(w, http.StatusForbidden, p)
		return
	}
	for _, k := range keys {
		s.throttle.giveBack(k)
	}
	s.afterPassword(w, r, a, who, v)
}

// afterPassword is the seam for second factors: they come between here and complete.
func (s *Service) afterPassword(w http.ResponseWriter, r *http.Request, a authRequest, who account, v verifier) {
	if !v.MustChange {
		s.complete(w, r, a.id, session{who: who, at: s.cfg.Clock(), amr: []string{"pwd"}, salt: string(v.Salt)})
		return
	}
	a, err := s.requests.update(a.id, func(a *authRequest) error {
		if a.step != stepPassword {
			return errNoRequest
		}
		a.step, a.who, a.salt = stepNewPassword, who, string(v.Salt)
		return nil
	})
	if err != nil {
		s.showGone(w, r)
		return
	}
	s.show(w, http.StatusOK, s.formPage(r, a, "new-password"))
}

func (s *Service) postPassword(w http.ResponseWriter, r *http.Request) {
	a, ok := s.posted(w, r, stepNewPassword)
	if !ok {
		return
	}
	p := s.formPage(r, a, "new-password")
	next := r.PostForm.Get("password")
	if next != r.PostForm.Get("again") {
		p.Error = p.T.Differ
		s.show(w, http.StatusUnprocessableEntity, p)
		return
	}
	err := s.changePassword(r.Context(), a.who, a.salt, next)
	switch {
	case errors.Is(err, ErrWeakPassword):
		p.Error = p.T.Weak
		s.show(w, http.StatusUnprocessableEntity, p)
		return
	case errors.Is(err, errNoRequest):
		s.showGone(w, r)
		return
	case errors.Is(err, errBusy):
		tooMany(w, s.patience)
		p.Error = p.T.Wait
		s.show(w, http.StatusTooManyRequests, p)
		return
	case err != nil:
		s.showFault(w, r, "new password", err)
		return
	}
	s.sessions.drop(a.who)
	_, v, known, err := readAccount(r.Context(), s.cfg.Store, a.who)
	if err != nil || !known {
		s.showFault(w, r, "new password", err)
		return
	}
	s.complete(w, r, a.id, session{who: a.who, at: s.cfg.Clock(), amr: []string{"pwd"}, salt: string(v.Salt)})
}

// changePassword replaces the one-time password that was shown, if it is still in force: one that was replaced meanwhile, because it fell
// into wrong hands, gives nothing any more.
func (s *Service) changePassword(ctx context.Context, who account, salt, next string) error {
	if err := checkNewPassword(who.user, "", next); err != nil {
		return err
	}
	if err := s.slot(ctx); err != nil {
		return err
	}
	defer s.release()
	u, v, known, err := readAccount(ctx, s.cfg.Store, who)
	if err != nil {
		return err
	}
	if !known || u.Out(s.cfg.Clock()) || !v.MustChange || string(v.Salt) != salt {
		return errNoRequest
	}
	if v.matches(next) {
		return ErrWeakPassword
	}
	return setPassword(ctx, s.cfg.Store, who, salt, next)
}

// postContinue confirms a sign-in from an open session.
func (s *Service) postContinue(w http.ResponseWriter, r *http.Request) {
	a, ok := s.posted(w, r, stepPassword)
	if !ok {
		return
	}
	if r.PostForm.Get("other") != "" {
		s.show(w, http.StatusOK, s.formPage(r, a, "login"))
		return
	}
	sess, ok, err := s.session(r, a)
	if err != nil {
		s.showFault(w, r, "session", err)
		return
	}
	if !ok {
		s.show(w, http.StatusOK, s.formPage(r, a, "login"))
		return
	}
	s.complete(w, r, a.id, sess)
}

// complete gives the browser its session and the client its code, in the browser that signed in and nowhere else.
func (s *Service) complete(w http.ResponseWriter, r *http.Request, id string, v session) {
	a, err := s.requests.update(id, func(a *authRequest) error {
		if a.step == stepDone {
			return errNoRequest
		}
		a.step, a.who, a.at, a.amr = stepDone, v.who, v.at, v.amr
		return nil
	})
	if err != nil {
		s.showGone(w, r)
		return
	}
	fresh := v.expires.IsZero()
	if err := s.auditSignIn(r.Context(), v.who, fresh, a.client, s.cfg.Source(r)); err != nil { // no audit, no code
		s.showFault(w, r, "audit", err)
		return
	}
	if fresh {
		v.expires = s.cfg.Clock().Add(s.cfg.SessionTTL)
		s.setCookie(w, cookieSession, s.sessions.add(v), s.cfg.SessionTTL)
	}
	op.AuthResponse(a, s.provider, w, r.WithContext(op.ContextWithIssuer(r.Context(), s.cfg.Issuer)))
}

// resolve finds whose login it is: "name@domain" of a domain that exists, else a name of the default domain.
func (s *Service) resolve(ctx context.Context, login string) (account, error) {
	login = strings.ToLower(strings.TrimSpace(login))
	if !plainName(login) {
		login = "-" // no user's name; the work goes on as for any other
	}
	who := account{domain: s.cfg.Domain, user: login}
	err := s.cfg.Store.View(ctx, func(r provisioning.Reader) error {
		named, ok := accountOf(login)
		if !ok {
			named = who
		}
		_, _, err := provisioning.Get[provisioning.Domain](r, named.domain, named.domain)
		if err == nil {
			who = named
		} else if !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		return nil
	})
	return who, err
}

// checkPassword costs one hash whether the user exists, is disabled or has no password. u is empty for an unknown user.
func (s *Service) checkPassword(ctx context.Context, who account, password string) (u provisioning.User, v verifier, good bool, err error) {
	u, v, known, err := readAccount(ctx, s.cfg.Store, who)
	if err != nil {
		return u, v, false, err
	}
	if !known {
		v = s.nobody
	}
	if err := s.slot(ctx); err != nil {
		return u, v, false, err
	}
	defer s.release()
	if len(password) > maxPassword {
		password = password[:maxPassword] // never right: no stored password is that long
		known = false
	}
	good = v.matches(password)
	return u, v, good && known && !u.Out(s.cfg.Clock()), nil
}

// errBusy says that too many passwords wait to be hashed.
var errBusy = errors.New("identity: too many sign-ins at once")

// slot waits for a turn, no longer than a person would: guessers from everywhere must not pile up requests here.
func (s *Service) slot(ctx context.Context) error {
	limit := time.NewTimer(s.patience)
	defer limit.Stop()
	select {
	case s.hashing <- struct{}{}:
		return nil
	case <-limit.C:
		return errBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Service) release() { <-s.hashing }

func trimLogin(s string) string {
	if len(s) > 256 || !plainName(s) {
		return ""
	}
	return s
}

// auditSignIn records that a code is given: fresh after a password, otherwise out of the browser's open session.
func (s *Service) auditSignIn(ctx context.Context, who account, fresh bool, client, source string) error {
	action := "sign-in.ok"
	if !fresh {
		action = "sign-in.session"
	}
	s.cfg.Log.Info("identity: signed in", "user", who.user, "domain", who.domain, "client", client, "session", !fresh)
	return s.audit(ctx, provisioning.AuditEntry{
		Domain: who.domain, Subject: who.sub(), Action: action, Object: "user/" + who.user, Outcome: "ok",
		Detail: map[string]any{"client": client, "source": source},
	})
}

// auditFailed records a failed sign-in. The name is kept only when it is a user's: people type passwords into the wrong field.
// Beyond the limiter's rate failures are logged as a number by the throttle's 429, not one by one.
func (s *Service) auditFailed(ctx context.Context, who account, known bool, source string) {
	name := who.user
	if !known {
		name = "unknown"
	}
	if !s.failures.Allow() {
		return
	}
	s.cfg.Log.Warn("identity: sign-in failed", "user", name, "domain", who.domain, "source", source)
	err := s.audit(ctx, provisioning.AuditEntry{
		Domain: who.domain, Subject: "anonymous", Action: "sign-in.failed", Object: "user/" + name, Outcome: "failed",
		Detail: map[string]any{"source": source},
	})
	if err != nil {
		s.cfg.Log.Error("identity: audit of a failed sign-in", "err", err)
	}
}

func (s *Service) audit(ctx context.Context, e provisioning.AuditEntry) error {
	e.Time = s.cfg.Clock()
	return s.cfg.Store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error { return w.AddAudit(e) })
}
