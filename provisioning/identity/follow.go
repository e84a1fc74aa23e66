package identity

import (
	"context"
	"errors"
	"time"

	"naisen/provisioning"
)

// followPause is how long Follow waits after a fault of the store.
const followPause = 5 * time.Second

// Follow ends all that somebody is signed in with as soon as they may not sign in any more: it does not come back when they may again. It returns when ctx
// ends or the store is closed.
func (s *Service) Follow(ctx context.Context) {
	for {
		err := s.follow(ctx)
		switch {
		case ctx.Err() != nil, errors.Is(err, provisioning.ErrClosed):
			return
		case errors.Is(err, provisioning.ErrCompacted): // from the start, at once
		case err != nil:
			s.cfg.Log.Error("identity: following who may sign in", "err", err)
			select {
			case <-time.After(followPause):
			case <-ctx.Done():
				return
			}
		}
	}
}

func (s *Service) follow(ctx context.Context) error {
	after, err := s.endOut(ctx)
	if err != nil {
		return err
	}
	for c, err := range s.cfg.Store.Changes(ctx, after) {
		if err != nil {
			return err
		}
		if c.Kind != provisioning.KindUser {
			continue
		}
		if err := s.endIfOut(ctx, account{c.Domain, c.Key}); err != nil {
			return err
		}
	}
	return nil
}

// endOut ends what those hold who may not sign in: they may have become so while nobody followed.
func (s *Service) endOut(ctx context.Context) (after provisioning.Version, err error) {
	var out []account
	err = s.cfg.Store.View(ctx, func(r provisioning.Reader) error {
		after = r.Version()
		domains, err := provisioning.Domains(r)
		if err != nil {
			return err
		}
		for _, d := range domains {
			users, err := provisioning.List[provisioning.User](r, d.Name, "", 0)
			if err != nil {
				return err
			}
			for _, u := range users {
				if u.Out(s.cfg.Clock()) {
					out = append(out, account{d.Name, u.Name})
				}
			}
		}
		return nil
	})
	for _, who := range out {
		err = errors.Join(err, s.EndSessions(ctx, provisioning.Subject{System: true}, who.domain, who.user, "may not sign in"))
	}
	return after, err
}

func (s *Service) endIfOut(ctx context.Context, who account) error {
	out := false
	err := s.cfg.Store.View(ctx, func(r provisioning.Reader) error {
		u, _, err := provisioning.Get[provisioning.User](r, who.domain, who.user)
		out = errors.Is(err, provisioning.ErrNotFound) || err == nil && u.Out(s.cfg.Clock())
		if out {
			return nil
		}
		return err
	})
	if err != nil || !out {
		return err
	}
	return s.EndSessions(ctx, provisioning.Subject{System: true}, who.domain, who.user, "may not sign in")
}
