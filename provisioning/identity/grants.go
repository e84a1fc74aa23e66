package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
)

// maxGrants bounds the refresh tokens of one user: the one not used for longest goes.
const maxGrants = 16

// grant is one refresh token's life: from the sign-in through all rotations. The store keeps a user's grants as one sealed secret.
type grant struct {
	ID       string    `json:"id"`
	Client   string    `json:"client"`
	Hash     []byte    `json:"hash"` // SHA-256 of the current token's secret part, which has 128 bits or more
	Scopes   []string  `json:"scopes"`
	AuthTime time.Time `json:"auth_time"`
	ACR      string    `json:"acr"`
	AMR      []string  `json:"amr"`
	Used     time.Time `json:"used"`
	Until    time.Time `json:"until,omitzero"` // the break-glass account's end, whatever is refreshed
}

// refreshToken is the parsed form of what the client holds.
type refreshToken struct {
	who        account
	id, secret string
}

func (refreshToken) String() string   { return "[redacted]" }
func (refreshToken) GoString() string { return "[redacted]" }

const refreshPrefix = "nrt1"

func (t refreshToken) encode() string {
	return strings.Join([]string{refreshPrefix, base64.RawURLEncoding.EncodeToString([]byte(t.who.sub())), t.id, t.secret}, ".")
}

func parseRefresh(s string) (refreshToken, bool) {
	parts := strings.Split(s, ".")
	if len(s) > 1024 || len(parts) != 4 || parts[0] != refreshPrefix || parts[2] == "" || parts[3] == "" {
		return refreshToken{}, false
	}
	sub, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return refreshToken{}, false
	}
	who, ok := accountOf(string(sub))
	if !ok || !plainName(who.user) || !plainName(who.domain) {
		return refreshToken{}, false
	}
	return refreshToken{who: who, id: parts[2], secret: parts[3]}, true
}

var (
	errBadRefresh = errors.New("identity: refresh token not valid")
	errBadScope   = errors.New("identity: scope was not granted")
)

func hashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

func (s *Service) newGrant(ctx context.Context, who account, g grant) (token, id string, err error) {
	t := refreshToken{who: who, id: rand.Text()[:16], secret: rand.Text()}
	g.ID, g.Hash, g.Used = t.id, hashOf(t.secret), s.cfg.Clock()
	err = s.changeGrants(ctx, who, func(list []grant) ([]grant, error) {
		if len(list) >= maxGrants {
			oldest := 0
			for i := range list {
				if list[i].Used.Before(list[oldest].Used) {
					oldest = i
				}
			}
			list = slices.Delete(list, oldest, oldest+1)
		}
		return append(list, g), nil
	})
	return t.encode(), g.ID, err
}

// rotate exchanges a refresh token. An old one that comes again means that two hold it: the whole grant ends (RFC 9700 section 4.14.2).
// scopes may be fewer than granted, never more (RFC 6749 section 6).
func (s *Service) rotate(ctx context.Context, t refreshToken, client string, scopes []string) (next string, g grant, err error) {
	fresh := refreshToken{who: t.who, id: t.id, secret: rand.Text()}
	now := s.cfg.Clock()
	var bad error
	err = s.changeGrants(ctx, t.who, func(list []grant) ([]grant, error) {
		bad = nil
		i := slices.IndexFunc(list, func(g grant) bool { return g.ID == t.id })
		if i < 0 || list[i].Client != client {
			return list, errBadRefresh // nothing to change
		}
		if subtle.ConstantTimeCompare(list[i].Hash, hashOf(t.secret)) != 1 {
			bad = errBadRefresh
			s.cfg.Log.Warn("identity: refresh token used twice; grant ended", "user", t.who.user, "domain", t.who.domain, "client", client)
			return slices.Delete(list, i, i+1), nil
		}
		if s.expired(list[i], now) {
			bad = errBadRefresh
			return slices.Delete(list, i, i+1), nil
		}
		for _, want := range scopes {
			if !slices.Contains(list[i].Scopes, want) {
				return list, errBadScope
			}
		}
		list[i].Hash, list[i].Used = hashOf(fresh.secret), now
		g = list[i]
		return list, nil
	})
	return fresh.encode(), g, errors.Join(err, bad)
}

func (s *Service) expired(g grant, now time.Time) bool { return now.After(g.ends(s.cfg.RefreshTTL)) }

// sealedUntil is when what the break-glass account was given ends; zero for everybody else.
func sealedUntil(sealed bool, at time.Time) time.Time {
	if !sealed {
		return time.Time{}
	}
	return at.Add(sealedTTL)
}

// ends is when a grant is worth nothing any more unless it is used before: it lives for ttl from each use, and four times that in all.
func (g grant) ends(ttl time.Duration) time.Time {
	unused, last := g.Used.Add(ttl), g.AuthTime.Add(4*ttl)
	if !g.Until.IsZero() && g.Until.Before(last) {
		last = g.Until
	}
	if unused.Before(last) {
		return unused
	}
	return last
}

// revokeRefresh ends the grant of a token that is the current one of this client.
func (s *Service) revokeRefresh(ctx context.Context, t refreshToken, client string) error {
	err := s.changeGrants(ctx, t.who, func(list []grant) ([]grant, error) {
		i := slices.IndexFunc(list, func(g grant) bool {
			return g.ID == t.id && g.Client == client && subtle.ConstantTimeCompare(g.Hash, hashOf(t.secret)) == 1
		})
		if i < 0 {
			return list, errBadRefresh
		}
		return slices.Delete(list, i, i+1), nil
	})
	if errors.Is(err, errBadRefresh) {
		return nil
	}
	return err
}

func (s *Service) revokeGrant(ctx context.Context, who account, id string) {
	err := s.changeGrants(ctx, who, func(list []grant) ([]grant, error) {
		return slices.DeleteFunc(list, func(g grant) bool { return g.ID == id }), nil
	})
	if err != nil {
		s.cfg.Log.Error("identity: end grant after a code was used twice", "user", who.user, "domain", who.domain, "err", err)
	}
}

// changeGrants reads, changes and writes a user's grants in one transaction; expired ones go on the way.
func (s *Service) changeGrants(ctx context.Context, who account, change func([]grant) ([]grant, error)) error {
	by := provisioning.Subject{Domain: who.domain, User: who.user}
	return s.cfg.Store.Update(ctx, by, func(w provisioning.Writer) error {
		if _, _, err := provisioning.Get[provisioning.User](w, who.domain, who.user); errors.Is(err, provisioning.ErrNotFound) {
			return errBadRefresh
		} else if err != nil {
			return err
		}
		list, found, err := readGrants(w, who)
		if err != nil {
			return err
		}
		if list, err = change(list); err != nil {
			return err
		}
		now := s.cfg.Clock()
		list = slices.DeleteFunc(list, func(g grant) bool { return s.expired(g, now) })
		if len(list) == 0 && !found {
			return nil
		}
		return writeGrants(w, who, list)
	})
}
