package identity

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"naisen/provisioning"
)

// Session ids say which kind they are of.
const (
	browserID = "b-"
	grantID   = "g-"
)

// Sessions are a person's sign-ins that go on, the newest first: browsers, and programs that hold a refresh token. provisioning.ErrNotFound: there is
// no such user.
func (s *Service) Sessions(ctx context.Context, domain, user string) ([]provisioning.SignInSession, error) {
	who := account{domain, user}
	out := slices.DeleteFunc(s.sessions.list(who), func(x provisioning.SignInSession) bool { return s.revoked(who, x.Since) })
	err := s.cfg.Store.View(ctx, func(r provisioning.Reader) error {
		if _, _, err := provisioning.Get[provisioning.User](r, domain, user); err != nil {
			return err
		}
		list, _, err := readGrants(r, who)
		for _, g := range list {
			if s.expired(g, s.cfg.Clock()) || s.revoked(who, g.AuthTime) {
				continue
			}
			out = append(out, provisioning.SignInSession{ID: grantID + g.ID, Kind: provisioning.SessionOfProgram, Client: g.Client, Since: g.AuthTime.UTC(),
				Used: g.Used.UTC(), Ends: g.ends(s.cfg.RefreshTTL).UTC(), ACR: g.ACR, AMR: g.AMR})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, func(a, b provisioning.SignInSession) int { return b.Since.Compare(a.Since) })
	return out, nil
}

// EndSession ends one of Sessions. provisioning.ErrNotFound: it is none of that person's, or ended before. by is who asked, for the audit log.
func (s *Service) EndSession(ctx context.Context, by provisioning.Subject, domain, user, id string) error {
	who := account{domain, user}
	if _, browser := strings.CutPrefix(id, browserID); browser {
		if !s.sessions.end(who, id) {
			return provisioning.ErrNotFound
		}
		return s.noteEnd(ctx, by, who, "session.end", map[string]any{"session": id})
	}
	return s.cfg.Store.Update(ctx, by, func(w provisioning.Writer) error {
		list, _, err := readGrants(w, who)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(g grant) bool { return grantID+g.ID == id })
		if i < 0 {
			return provisioning.ErrNotFound
		}
		if err := writeGrants(w, who, slices.Delete(list, i, i+1)); err != nil {
			return err
		}
		return w.AddAudit(endEntry(who, "session.end", map[string]any{"session": id}))
	})
}

// EndSessions ends all that a person is signed in with, and sign-ins under way: browsers, codes, refresh tokens, and by a Revocation what access tokens are
// used for. It may be called again and for who is signed in nowhere or is gone. why is for the audit log, a word such as "disabled"; by is who asked.
func (s *Service) EndSessions(ctx context.Context, by provisioning.Subject, domain, user, why string) error {
	who := account{domain, user}
	n := s.dropLive(who)
	err := s.cfg.Store.Update(ctx, by, func(w provisioning.Writer) error {
		if _, _, err := provisioning.Get[provisioning.User](w, domain, user); err != nil {
			return err
		}
		list, found, err := readGrants(w, who)
		if err == nil && found {
			err = writeGrants(w, who, nil)
		}
		if err == nil {
			err = s.revoke(w, who, why)
		}
		if err != nil {
			return err
		}
		return w.AddAudit(endEntry(who, "session.end-all", map[string]any{"why": why, "ended": n + len(list)}))
	})
	if errors.Is(err, provisioning.ErrNotFound) { // the user is gone, and the refresh tokens with them
		err = nil
	}
	return err
}

// revoke ends what access tokens of before are used for.
func (s *Service) revoke(w provisioning.Writer, who account, why string) error {
	_, err := provisioning.End(w, who.domain, provisioning.Ending{Of: provisioning.RevokedUser, Name: who.user, Why: why, At: s.cfg.Clock()})
	return err
}

func (s *Service) noteEnd(ctx context.Context, by provisioning.Subject, who account, action string, detail map[string]any) error {
	return s.cfg.Store.Update(ctx, by, func(w provisioning.Writer) error { return w.AddAudit(endEntry(who, action, detail)) })
}

func endEntry(who account, action string, detail map[string]any) provisioning.AuditEntry {
	return provisioning.AuditEntry{Domain: who.domain, Action: action, Object: "user/" + who.user, Outcome: "ok", Detail: detail}
}

// readGrants gives none where they cannot be read: those programs sign in again.
func readGrants(r provisioning.Reader, who account) (list []grant, found bool, err error) {
	raw, err := provisioning.Secret(r, who.domain, secretGrants, who.user)
	if errors.Is(err, provisioning.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if json.Unmarshal(raw, &list) != nil {
		list = nil
	}
	return list, true, nil
}

// writeGrants keeps a user's refresh tokens; none deletes the secret, which must be there.
func writeGrants(w provisioning.Writer, who account, list []grant) error {
	if len(list) == 0 {
		return w.PutSecret(who.domain, secretGrants, who.user, nil)
	}
	b, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return w.PutSecret(who.domain, secretGrants, who.user, b)
}
