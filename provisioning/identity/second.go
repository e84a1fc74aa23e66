package identity

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"naisen/provisioning"
)

// maxSecondTries is how many wrong second factors one sign-in may have: then it begins again with the password.
const maxSecondTries = 5

// everyoneRate bounds guesses at one person's app from everywhere: whoever has the password and many addresses has 1,440 tries a day among a million
// codes. It stops neither recovery codes nor passkeys, so the owner still comes in.
func everyoneRate() rateOf { return rateOf{50, time.Minute} }

func (s *Service) byPassword(who account, v verifier) session {
	return session{who: who, at: s.cfg.Clock(), amr: []string{amrPassword}, acr: ACRPassword, salt: string(v.Salt)}
}

// bySealed is byPassword for the break-glass account.
func (s *Service) bySealed(who account, v verifier) session {
	by := s.byPassword(who, v)
	by.acr, by.sealed = ACRSealed, true
	return by
}

// proceed asks whoever v is for what is missing, or completes. Who has a second factor shows it whatever the client asks for; who has none that does
// is led to the page where one is added.
func (s *Service) proceed(w http.ResponseWriter, r *http.Request, id string, v session) {
	a, err := s.requests.get(id)
	if err != nil {
		s.showGone(w, r)
		return
	}
	f, err := s.factorsOf(r.Context(), v.who)
	if err != nil {
		s.showFault(w, r, "second factors", err)
		return
	}
	need := a.need
	if f.any() {
		need = max(need, levelTwo)
	}
	switch {
	case v.level() >= need: // the sealed account has no second factor, gets none, and needs none
		s.complete(w, r, id, v)
	case slices.Contains(a.prompt, oidc.PromptNone):
		op.AuthRequestError(w, r, a, oidc.ErrInteractionRequired(), s.provider)
	case !f.reaches(need):
		s.leadToEnrolment(w, r, a, v)
	default:
		a, err = s.requests.update(id, func(a *authRequest) error {
			if a.step == stepSecond || a.step == stepDone {
				return errNoRequest
			}
			a.step, a.who, a.salt, a.at, a.amr, a.acr, a.need = stepSecond, v.who, v.salt, v.at, v.amr, v.acr, need
			return nil
		})
		if err != nil {
			s.showGone(w, r)
			return
		}
		s.showSecond(w, r, a, http.StatusOK, "")
	}
}

// leadToEnrolment signs the person in here, to the page where a factor is added that the client asks for; from there they go on.
func (s *Service) leadToEnrolment(w http.ResponseWriter, r *http.Request, a authRequest, v session) {
	if v.id == "" {
		if err := s.auditSignIn(r.Context(), v, "", s.cfg.Source(r)); err != nil {
			s.showFault(w, r, "audit", err)
			return
		}
		s.openSession(w, r, v)
	}
	http.Redirect(w, r, s.path+"/account?for="+url.QueryEscape(a.id), http.StatusSeeOther)
}

// showSecond asks for a second factor that reaches what is needed.
func (s *Service) showSecond(w http.ResponseWriter, r *http.Request, a authRequest, status int, complaint string) {
	f, err := s.factorsOf(r.Context(), a.who)
	if err != nil {
		s.showFault(w, r, "second factors", err)
		return
	}
	p := s.formPage(r, a, "second")
	p.Error = complaint
	p.AsksCode = a.need < levelPasskey && (f.TOTP != nil || len(f.Recovery) > 0)
	if len(f.Passkeys) > 0 {
		p.Options = s.askPasskey(r.Context(), a, f)
	}
	s.show(w, status, p)
}

func (s *Service) postSecond(w http.ResponseWriter, r *http.Request) {
	a, ok := s.posted(w, r, stepSecond)
	if !ok {
		return
	}
	p := s.formPage(r, a, "second")
	answer, code := r.PostForm.Get("passkey"), r.PostForm.Get("code")
	source := s.cfg.Source(r)
	keys := map[string]rateOf{"source " + source: sourceRate(), "factor " + source + " " + a.who.sub(): accountRate()}
	if answer == "" && len(code) <= totpDigits+2 {
		keys["factor "+a.who.sub()] = everyoneRate()
	}
	for k, rate := range keys {
		if wait := s.throttle.take(k, rate); wait > 0 {
			tooMany(w, wait)
			s.showSecond(w, r, a, http.StatusTooManyRequests, p.T.Wait)
			return
		}
	}
	v, err := s.second(r.Context(), a, answer, code)
	switch {
	case errors.Is(err, errWrongFactor):
		s.wrongSecond(w, r, a, source, p.T)
		return
	case errors.Is(err, errNoRequest):
		s.showGone(w, r)
		return
	case err != nil:
		s.showFault(w, r, "second factor", err)
		return
	}
	for k := range keys {
		s.throttle.giveBack(k)
	}
	s.complete(w, r, a.id, v)
}

// wrongSecond counts a wrong one; after the last of them the password is asked for again.
func (s *Service) wrongSecond(w http.ResponseWriter, r *http.Request, a authRequest, source string, t texts) {
	s.auditFailed(r.Context(), a.who, true, source, "second")
	a, err := s.requests.update(a.id, func(a *authRequest) error {
		if a.step != stepSecond {
			return errNoRequest
		}
		if a.tries++; a.tries >= maxSecondTries {
			a.step, a.who, a.salt, a.tries, a.amr, a.acr = stepPassword, account{}, "", 0, nil, ""
		}
		return nil
	})
	if err != nil {
		s.showGone(w, r)
		return
	}
	if a.step == stepPassword {
		p := s.formPage(r, a, "login")
		p.Error = t.WrongCode
		s.show(w, http.StatusForbidden, p)
		return
	}
	s.showSecond(w, r, a, http.StatusForbidden, t.WrongCode)
}

// second checks a second factor and uses it up. errNoRequest: the password is another one by now, or the person may not sign in.
func (s *Service) second(ctx context.Context, a authRequest, answer, code string) (session, error) {
	v := session{who: a.who, at: a.at, amr: slices.Clone(a.amr), salt: a.salt}
	u, held, known, err := readAccount(ctx, s.cfg.Store, a.who)
	if err != nil {
		return v, err
	}
	if !known || u.Out(s.cfg.Clock()) || held.MustChange || string(held.Salt) != a.salt {
		return v, errNoRequest
	}
	if answer != "" {
		key, err := s.answered(ctx, a, answer)
		if err != nil {
			return v, err
		}
		v.amr, v.acr = withMethods(v.amr, key.amr(), amrPresence, amrTwo), ACRPhishingResistant
		return v, nil
	}
	if a.need > levelTwo {
		return v, errWrongFactor
	}
	by := provisioning.Subject{Domain: a.who.domain, User: a.who.user}
	if err := s.changeFactors(ctx, by, a.who, func(f *factors) error { return f.useCode(code, s.cfg.Clock()) }); err != nil {
		return v, err
	}
	v.amr, v.acr = withMethods(v.amr, amrCode, amrTwo), ACRMFA
	return v, nil
}
