package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"naisen/provisioning"
)

// sealedTTL is how long the break-glass account stays signed in with one use of its credential, whatever is refreshed.
const sealedTTL = time.Hour

// SealAccount makes a domain's break-glass account, or gives it a new credential; the old one and all that was signed in with it end. The credential is
// returned for an envelope and kept nowhere in clear. provisioning.ErrExists: the name is a person's.
func SealAccount(ctx context.Context, store provisioning.Store, domain string) (credential string, err error) {
	credential = symbols(5, 5) // 125 bits
	v := newVerifier(credential, false)
	v.Sealed = true
	who := account{domain, provisioning.SealedAccount}
	err = store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, _, err := provisioning.Get[provisioning.User](w, domain, who.user)
		switch {
		case errors.Is(err, provisioning.ErrNotFound):
			u := provisioning.User{Name: who.user, Display: "Break-glass 緊急用", Roles: []provisioning.Role{provisioning.RoleAdmin}}
			if _, err := w.Put(domain, u, "!"); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			old, err := readVerifier(w, who)
			if errors.Is(err, provisioning.ErrNotFound) || err == nil && !old.Sealed {
				return fmt.Errorf("%w: user %s", provisioning.ErrExists, who.user)
			}
			if err != nil {
				return err
			}
		}
		if err := w.PutSecret(domain, secretPassword, who.user, v.encode()); err != nil {
			return err
		}
		return dropGrants(w, domain, who.user)
	})
	if err != nil {
		return "", fmt.Errorf("identity: seal the break-glass account of %s: %w", domain, err)
	}
	return credential, nil
}

// Sealed says whether a domain has a break-glass account with a credential.
func Sealed(ctx context.Context, store provisioning.Store, domain string) (bool, error) {
	_, v, known, err := readAccount(ctx, store, account{domain, provisioning.SealedAccount})
	return known && v.Sealed, err
}

// breakGlass goes on with whoever showed the sealed account's credential: that it was used is told at once, before anything is given for it.
func (s *Service) breakGlass(w http.ResponseWriter, r *http.Request, a authRequest, v session) {
	now := s.cfg.Clock().UTC().Truncate(time.Second)
	e := provisioning.EmergencySignIn{ID: provisioning.EmergencyID(now, strings.ToLower(rand.Text()[:8])), User: v.who.user, At: now, Source: s.cfg.Source(r), Client: a.client}
	err := s.cfg.Store.Update(r.Context(), provisioning.Subject{System: true}, func(wr provisioning.Writer) error {
		if _, err := wr.Put(v.who.domain, e, "!"); err != nil {
			return err
		}
		return wr.AddAudit(provisioning.AuditEntry{Domain: v.who.domain, Subject: v.who.sub(), Action: "sign-in.break-glass", Object: "user/" + v.who.user,
			Outcome: "ok", Detail: map[string]any{"client": a.client, "source": e.Source, "review": e.ID}})
	})
	if err != nil {
		s.showFault(w, r, "break-glass", err)
		return
	}
	s.cfg.Log.Warn("identity: the break-glass account was used", "domain", v.who.domain, "source", e.Source)
	s.cfg.BrokenGlass(v.who.domain, e)
	a, err = s.requests.update(a.id, func(a *authRequest) error {
		if a.step != stepPassword {
			return errNoRequest
		}
		a.step, a.who, a.salt, a.at, a.amr, a.acr, a.emergency = stepReason, v.who, v.salt, v.at, v.amr, v.acr, e.ID
		return nil
	})
	if err != nil {
		s.showGone(w, r)
		return
	}
	s.show(w, http.StatusOK, s.formPage(r, a, "reason"))
}

// postReason takes who it is and why, and goes on.
func (s *Service) postReason(w http.ResponseWriter, r *http.Request) {
	a, ok := s.posted(w, r, stepReason)
	if !ok {
		return
	}
	who, reason := strings.TrimSpace(r.PostForm.Get("who")), strings.TrimSpace(r.PostForm.Get("reason"))
	u, held, known, err := readAccount(r.Context(), s.cfg.Store, a.who)
	if err == nil && (!known || u.Out(s.cfg.Clock()) || string(held.Salt) != a.salt) {
		s.showGone(w, r)
		return
	}
	if err == nil {
		err = s.cfg.Store.Update(r.Context(), provisioning.Subject{System: true}, func(wr provisioning.Writer) error {
			e, _, err := provisioning.Get[provisioning.EmergencySignIn](wr, a.who.domain, a.emergency)
			if err != nil {
				return err
			}
			if e.Who, e.Reason = who, reason; who == "" || reason == "" {
				return &provisioning.Invalid{Field: "reason", Reason: "is missing"}
			}
			_, err = wr.Put(a.who.domain, e, "*")
			return err
		})
	}
	var invalid *provisioning.Invalid
	if errors.As(err, &invalid) {
		p := s.formPage(r, a, "reason")
		p.Error = p.T.ReasonMissing
		s.show(w, http.StatusUnprocessableEntity, p)
		return
	}
	if err != nil {
		s.showFault(w, r, "break-glass", err)
		return
	}
	s.proceed(w, r, a.id, session{who: a.who, at: a.at, amr: a.amr, acr: a.acr, salt: a.salt, sealed: true, expires: a.at.Add(sealedTTL)})
}
