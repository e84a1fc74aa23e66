package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"naisen/provisioning"
)

// passkey is a WebAuthn credential (W3C Web Authentication Level 2).
type passkey struct {
	Credential webauthn.Credential `json:"credential"`
	Name       string              `json:"name"`
	Added      time.Time           `json:"added"`
	Used       time.Time           `json:"used,omitzero"`
}

func (k passkey) id() string { return base64.RawURLEncoding.EncodeToString(k.Credential.ID) }

// amr is how its key is kept (RFC 8176): one that may be backed up is in software, whatever holds it now.
func (k passkey) amr() string {
	if k.Credential.Flags.BackupEligible {
		return amrSynced
	}
	return amrDevice
}

func (k passkey) shown() provisioning.Passkey {
	return provisioning.Passkey{ID: k.id(), Name: k.Name, Synced: k.Credential.Flags.BackupEligible, Added: k.Added.UTC(), Used: k.Used.UTC()}
}

// newRelyingParty is nil where there can be no passkeys: they are bound to a name, and an address is none (WebAuthn section 5.1.2, "valid domain").
func newRelyingParty(issuer *url.URL) (*webauthn.WebAuthn, error) {
	if net.ParseIP(issuer.Hostname()) != nil {
		return nil, nil
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID: issuer.Hostname(), RPDisplayName: "Naisen", RPOrigins: []string{issuer.Scheme + "://" + issuer.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("identity: passkeys: %w", err)
	}
	return w, nil
}

// owner is a person as the library asks for them.
type owner struct {
	who     account
	display string
	handle  []byte
	keys    []passkey
}

var _ webauthn.User = owner{}

func newOwner(who account, u provisioning.User, f factors) owner {
	if u.Display == "" {
		u.Display = u.Name
	}
	return owner{who, u.Display, handleOf(who, u), f.Passkeys}
}

// handleOf says nothing about a person to who sees it in their device (WebAuthn section 14.6.1), and is another one for whoever has the name later.
func handleOf(who account, u provisioning.User) []byte {
	h := sha256.Sum256([]byte("naisen passkey\x00" + who.domain + "\x00" + who.user + "\x00" + u.Person()))
	return h[:]
}

func (o owner) WebAuthnID() []byte          { return o.handle }
func (o owner) WebAuthnName() string        { return o.who.sub() }
func (o owner) WebAuthnDisplayName() string { return o.display }
func (o owner) WebAuthnCredentials() (out []webauthn.Credential) {
	for _, k := range o.keys {
		out = append(out, k.Credential)
	}
	return out
}

// askPasskey makes the challenge of one page and gives the browser's options as JSON; "" where there are no passkeys. Without factors anybody's key may
// answer that has verified who holds it.
func (s *Service) askPasskey(ctx context.Context, a authRequest, f factors) string {
	if s.passkeys == nil {
		return ""
	}
	options, session, err := s.beginPasskey(ctx, a, f)
	if err == nil {
		_, err = s.requests.update(a.id, func(a *authRequest) error { a.passkey = session; return nil })
	}
	var text []byte
	if err == nil {
		text, err = json.Marshal(options)
	}
	if err != nil { // the page works without
		s.cfg.Log.Error("identity: passkey challenge", "err", err)
		return ""
	}
	return string(text)
}

func (s *Service) beginPasskey(ctx context.Context, a authRequest, f factors) (*protocol.CredentialAssertion, *webauthn.SessionData, error) {
	if len(f.Passkeys) == 0 {
		return s.passkeys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	}
	u, _, _, err := readAccount(ctx, s.cfg.Store, a.who)
	if err != nil {
		return nil, nil, err
	}
	return s.passkeys.BeginLogin(newOwner(a.who, u, f))
}

// challenge takes what waits for an answer: each is for one, right or wrong.
func (s *Service) challenge(id string) (session webauthn.SessionData, err error) {
	_, err = s.requests.update(id, func(a *authRequest) error {
		if a.passkey == nil {
			return errWrongFactor
		}
		session, a.passkey = *a.passkey, nil
		return nil
	})
	return session, err
}

// answered checks the answer of one of the person's own passkeys, as a second factor.
func (s *Service) answered(ctx context.Context, a authRequest, answer string) (passkey, error) {
	session, err := s.challenge(a.id)
	if err != nil {
		return passkey{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil || s.passkeys == nil {
		return passkey{}, errWrongFactor
	}
	u, _, _, err := readAccount(ctx, s.cfg.Store, a.who)
	if err != nil {
		return passkey{}, err
	}
	return s.usePasskey(ctx, a.who, func(f factors) (*webauthn.Credential, error) {
		return s.passkeys.ValidateLogin(newOwner(a.who, u, f), session, parsed)
	})
}

// usePasskey checks an answer against the stored keys and keeps what the key says of its use, in one transaction.
func (s *Service) usePasskey(ctx context.Context, who account, check func(factors) (*webauthn.Credential, error)) (used passkey, err error) {
	by := provisioning.Subject{Domain: who.domain, User: who.user}
	err = s.changeFactors(ctx, by, who, func(f *factors) error {
		c, err := check(*f)
		if err != nil {
			s.cfg.Log.Debug("identity: passkey refused", "err", err)
			return errWrongFactor
		}
		i := slices.IndexFunc(f.Passkeys, func(k passkey) bool { return bytes.Equal(k.Credential.ID, c.ID) })
		if i < 0 {
			return errWrongFactor
		}
		if c.Authenticator.CloneWarning { // its counter went backwards: two devices hold it (WebAuthn section 6.1.1)
			s.cfg.Log.Warn("identity: a passkey was copied", "user", who.user, "domain", who.domain, "passkey", f.Passkeys[i].Name)
			return errWrongFactor
		}
		f.Passkeys[i].Credential, f.Passkeys[i].Used = *c, s.cfg.Clock()
		used = f.Passkeys[i]
		return nil
	})
	return used, err
}

// postPasswordless signs in whose passkey says that it has verified them.
func (s *Service) postPasswordless(w http.ResponseWriter, r *http.Request, a authRequest, answer string) {
	source := s.cfg.Source(r)
	if wait := s.throttle.take("source "+source, sourceRate()); wait > 0 {
		tooMany(w, wait)
		p := s.formPage(r, a, "login")
		p.Error = p.T.Wait
		s.show(w, http.StatusTooManyRequests, p)
		return
	}
	v, err := s.passwordless(r.Context(), a, answer)
	switch {
	case errors.Is(err, errWrongFactor):
		s.auditFailed(r.Context(), v.who, v.who.user != "", source, "passkey")
		p := s.formPage(r, a, "login")
		p.Error = p.T.WrongPasskey
		s.show(w, http.StatusForbidden, p)
	case errors.Is(err, errNoRequest):
		s.showGone(w, r)
	case err != nil:
		s.showFault(w, r, "passkey", err)
	default:
		s.throttle.giveBack("source " + source)
		s.proceed(w, r, a.id, v)
	}
}

// passwordless finds whose key answers. Who must set a new password first, or may not sign in, is told nothing else than who has another key.
func (s *Service) passwordless(ctx context.Context, a authRequest, answer string) (session, error) {
	v := session{who: account{domain: s.cfg.Domain}}
	challenge, err := s.challenge(a.id)
	if err != nil {
		return v, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil || s.passkeys == nil {
		return v, errWrongFactor
	}
	who, u, err := s.ofHandle(ctx, parsed.Response.UserHandle)
	if err != nil {
		return v, err
	}
	_, held, known, err := readAccount(ctx, s.cfg.Store, who)
	if err != nil {
		return v, err
	}
	if !known || u.Out(s.cfg.Clock()) || held.MustChange || held.Sealed || !s.mayEnter(held) {
		return v, errWrongFactor
	}
	v.who = who
	key, err := s.usePasskey(ctx, who, func(f factors) (*webauthn.Credential, error) {
		return s.passkeys.ValidateDiscoverableLogin(func(_, _ []byte) (webauthn.User, error) { return newOwner(who, u, f), nil }, challenge, parsed)
	})
	if err != nil {
		return v, err
	}
	v.at, v.salt, v.acr, v.amr = s.cfg.Clock(), string(held.Salt), ACRPhishingResistant, []string{key.amr(), amrPresence, amrTwo}
	return v, nil
}

// ofHandle finds the person; errWrongFactor: there is none.
func (s *Service) ofHandle(ctx context.Context, handle []byte) (who account, u provisioning.User, err error) {
	err = s.cfg.Store.View(ctx, func(r provisioning.Reader) error {
		domains, err := provisioning.Domains(r)
		if err != nil {
			return err
		}
		for _, d := range domains {
			users, err := provisioning.List[provisioning.User](r, d.Name, "", 0)
			if err != nil {
				return err
			}
			for _, x := range users {
				if at := (account{d.Name, x.Name}); bytes.Equal(handleOf(at, x), handle) {
					who, u = at, x
					return nil
				}
			}
		}
		return errWrongFactor
	})
	return who, u, err
}

// beginKey asks the browser for a new passkey.
func (s *Service) beginKey(w http.ResponseWriter, r *http.Request, v visitor, f factors) {
	if s.passkeys == nil || len(f.Passkeys) >= maxPasskeys {
		s.showGone(w, r)
		return
	}
	s.showKey(w, r, v, f, http.StatusOK, "")
}

func (s *Service) showKey(w http.ResponseWriter, r *http.Request, v visitor, f factors, status int, complaint string) {
	u, _, _, err := readAccount(r.Context(), s.cfg.Store, v.who)
	if err != nil {
		s.showFault(w, r, "passkey", err)
		return
	}
	o := newOwner(v.who, u, f)
	options, session, err := s.passkeys.BeginRegistration(o, webauthn.WithExclusions(webauthn.Credentials(o.WebAuthnCredentials()).CredentialDescriptors()))
	var text []byte
	if err == nil {
		text, err = json.Marshal(options)
	}
	if err != nil {
		s.showFault(w, r, "passkey", err)
		return
	}
	s.sessions.enrol(v.cookie, enrolment{passkey: session})
	s.accountPage(w, r, v, status, accountPage{Options: string(text), Error: complaint})
}

// confirmKey adds the passkey that the browser made.
func (s *Service) confirmKey(w http.ResponseWriter, r *http.Request, v visitor, f factors) {
	challenge := v.pending.passkey
	if challenge == nil || s.passkeys == nil {
		s.showGone(w, r)
		return
	}
	s.sessions.enrol(v.cookie, enrolment{}) // each challenge is for one answer
	key, err := s.newPasskey(r.Context(), v.who, f, *challenge, r.PostForm.Get("passkey"))
	if errors.Is(err, errWrongFactor) {
		s.showKey(w, r, v, f, http.StatusForbidden, textsFor(r).PasskeyFailed)
		return
	}
	if err != nil {
		s.showFault(w, r, "passkey", err)
		return
	}
	if key.Name = printableName(r.PostForm.Get("name")); key.Name == "" {
		key.Name = textsFor(r).Passkeys
	}
	s.added(w, r, v, "passkey", func(f *factors) error {
		if len(f.Passkeys) >= maxPasskeys || slices.ContainsFunc(f.Passkeys, func(k passkey) bool { return k.id() == key.id() }) {
			return errWrongFactor
		}
		f.Passkeys = append(f.Passkeys, key)
		return nil
	}, ACRPhishingResistant, key.amr(), amrPresence)
}

func (s *Service) newPasskey(ctx context.Context, who account, f factors, challenge webauthn.SessionData, answer string) (passkey, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return passkey{}, errWrongFactor
	}
	u, _, _, err := readAccount(ctx, s.cfg.Store, who)
	if err != nil {
		return passkey{}, err
	}
	c, err := s.passkeys.CreateCredential(newOwner(who, u, f), challenge, parsed)
	if err != nil {
		s.cfg.Log.Debug("identity: new passkey refused", "err", err)
		return passkey{}, errWrongFactor
	}
	return passkey{Credential: *c, Added: s.cfg.Clock()}, nil
}

// printableName is what a person calls a thing of theirs, in one short line.
func printableName(s string) string {
	if s = strings.TrimSpace(s); len([]rune(s)) > 64 || !plainName(s) {
		return ""
	}
	return s
}
