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
	short, confirms := ok && sess.level() < a.need, a.goal == forClient && s.clients[a.client].Native // a device's is confirmed at its end
	switch {
	case err != nil:
		s.showFault(w, r, "session", err)
	case a.step == stepConfirm:
		s.confirmDevice(w, r, a)
	case ok && !short && !confirms:
		s.proceed(w, r, a.id, sess)
	case short && slices.Contains(a.prompt, oidc.PromptNone):
		op.AuthRequestError(w, r, a, oidc.ErrInteractionRequired(), s.provider)
	case slices.Contains(a.prompt, oidc.PromptNone):
		op.AuthRequestError(w, r, a, oidc.ErrLoginRequired(), s.provider)
	case a.step == stepNewPassword:
		s.show(w, http.StatusOK, s.formPage(r, a, "new-password"))
	case a.step == stepReason:
		s.show(w, http.StatusOK, s.formPage(r, a, "reason"))
	case a.step == stepSecond:
		s.showSecond(w, r, a, http.StatusOK, "")
	case short && !confirms:
		s.proceed(w, r, a.id, sess)
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
	v, ok, err := s.sessionOf(r.Context(), s.cookie(r, cookieSession))
	if !ok || slices.Contains(a.prompt, oidc.PromptSelectAccount) {
		return session{}, false, err
	}
	if v.at.After(a.created) { // whoever has proved who they are since the client asked need not do so again
		return v, true, nil
	}
	old := a.maxAge != nil && s.cfg.Clock().Sub(v.at) > time.Duration(*a.maxAge)*time.Second || a.maxAge != nil && *a.maxAge == 0
	return v, !old && !slices.Contains(a.prompt, oidc.PromptLogin), nil
}

// sessionOf gives what a cookie stands for. One whose person may not sign in any more, or has another password, ends here: it does not come back when
// they may again.
func (s *Service) sessionOf(ctx context.Context, id string) (session, bool, error) {
	v, ok := s.sessions.get(id)
	if !ok {
		return session{}, false, nil
	}
	u, stored, known, err := readAccount(ctx, s.cfg.Store, v.who)
	if err != nil {
		return session{}, false, err
	}
	if !known || u.Out(s.cfg.Clock()) || s.revoked(v.who, v.at) || stored.MustChange || !s.mayEnter(stored) || string(stored.Salt) != v.salt {
		s.sessions.end(v.who, v.id)
		return session{}, false, nil
	}
	return v, true, nil
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
	if answer := r.PostForm.Get("passkey"); answer != "" {
		s.postPasswordless(w, r, a, answer)
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
			s.stranger(r.Context(), provisioning.AuditEntry{Domain: who.domain, Subject: "anonymous", Action: "sign-in.throttled", Object: "user/unknown", Outcome: "denied",
				Source: source, Reason: "too many tries"})
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
		s.auditFailed(r.Context(), who, u.Name != "", source, "password")
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

// afterPassword goes on with who showed the right password.
func (s *Service) afterPassword(w http.ResponseWriter, r *http.Request, a authRequest, who account, v verifier) {
	if v.Sealed {
		s.breakGlass(w, r, a, s.bySealed(who, v))
		return
	}
	if !v.MustChange {
		s.proceed(w, r, a.id, s.byPassword(who, v))
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
	s.proceed(w, r, a.id, s.byPassword(a.who, v))
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
	s.proceed(w, r, a.id, sess)
}

// complete gives the browser its session and the client its code, in the browser that signed in and nowhere else.
func (s *Service) complete(w http.ResponseWriter, r *http.Request, id string, v session) {
	a, err := s.requests.update(id, func(a *authRequest) error {
		if a.step == stepDone || a.step == stepConfirm {
			return errNoRequest
		}
		a.step, a.who, a.at, a.amr, a.acr, a.sealed = stepDone, v.who, v.at, v.amr, v.acr, v.sealed
		if a.goal == forDevice {
			a.step = stepConfirm
		}
		return nil
	})
	if err != nil {
		s.showGone(w, r)
		return
	}
	fresh := v.id == ""
	if err := s.auditSignIn(r.Context(), v, a.client, s.cfg.Source(r)); err != nil { // no audit, no code
		s.showFault(w, r, "audit", err)
		return
	}
	if fresh {
		s.openSession(w, r, v)
	}
	switch a.goal {
	case forAccount:
		http.Redirect(w, r, s.path+"/account", http.StatusSeeOther)
	case forDevice:
		s.confirmDevice(w, r, a)
	case forClient:
		op.AuthResponse(a, s.provider, w, r.WithContext(op.ContextWithIssuer(r.Context(), s.cfg.Issuer)))
	}
}

// openSession gives the browser a session under an id of its own, in the place of the one that it has: an id that was known before the sign-in, or
// before a second factor, is worth nothing after it.
func (s *Service) openSession(w http.ResponseWriter, r *http.Request, v session) (cookie string) {
	if old, ok := s.sessions.get(s.cookie(r, cookieSession)); ok {
		s.sessions.end(old.who, old.id)
	}
	if v.expires.IsZero() {
		v.expires = s.cfg.Clock().Add(s.cfg.SessionTTL)
	}
	v.source, v.agent, v.pending = s.cfg.Source(r), printable(r.UserAgent()), enrolment{}
	cookie = s.sessions.add(v)
	s.setCookie(w, cookieSession, cookie, v.expires.Sub(s.cfg.Clock()))
	return cookie
}

// printable is what a stranger says of itself, short and without anything that a terminal or a page would follow.
func printable(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, s)
	return s[:min(len(s), 200)]
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
	good = s.matches(v, password)
	return u, v, good && known && !u.Out(s.cfg.Clock()) && s.mayEnter(v), nil
}

// mayEnter says whether somebody with such a password signs in here at all.
func (s *Service) mayEnter(v verifier) bool { return v.Sealed || !s.cfg.SealedOnly }

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
func (s *Service) auditSignIn(ctx context.Context, v session, client, source string) error {
	action, who := "sign-in.ok", v.who
	if v.id != "" {
		action = "sign-in.session"
	}
	s.cfg.Log.Info("identity: signed in", "user", who.user, "domain", who.domain, "client", client, "session", v.id != "", "amr", v.amr)
	return s.audit(ctx, provisioning.AuditEntry{
		Domain: who.domain, Subject: who.sub(), Action: action, Object: "user/" + who.user, Outcome: "ok",
		Client: client, Source: source, Detail: map[string]any{"amr": v.amr},
	})
}

// auditFailed records a failed sign-in. The name is kept only when it is a user's: people type passwords into the wrong field.
// Beyond the limiter's rate failures are logged as a number by the throttle's 429, not one by one.
func (s *Service) auditFailed(ctx context.Context, who account, known bool, source, factor string) {
	name := who.user
	if !known {
		name = "unknown"
	}
	s.stranger(ctx, provisioning.AuditEntry{Domain: who.domain, Subject: "anonymous", Action: "sign-in.failed", Object: "user/" + name, Outcome: "failed", Source: source,
		Reason: "wrong " + factor, Detail: map[string]any{"factor": factor}})
}

// stranger notes what somebody did who proved nothing: by whoever bounds it, else bounded here.
func (s *Service) stranger(ctx context.Context, e provisioning.AuditEntry) {
	if s.cfg.Stranger != nil {
		s.cfg.Stranger(e)
		return
	}
	if !s.failures.Allow() {
		return
	}
	s.cfg.Log.Warn("identity: sign-in failed", "user", e.Object, "domain", e.Domain, "source", e.Source, "reason", e.Reason)
	if err := s.audit(ctx, e); err != nil {
		s.cfg.Log.Error("identity: audit of a failed sign-in", "err", err)
	}
}

func (s *Service) audit(ctx context.Context, e provisioning.AuditEntry) error {
	e.Time = s.cfg.Clock()
	return s.cfg.Store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error { return w.AddAudit(e) })
}
