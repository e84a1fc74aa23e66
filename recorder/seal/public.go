package seal

import (
	"context"
	"errors"
	"fmt"

	"filippo.io/age"
)

// Public is what seals for one domain from now on, and for this machine's spool: recipients as text, for another process. It opens nothing.
type Public struct {
	Domain string   `json:"domain"`
	Epoch  int      `json:"epoch"` // of the domain's key
	To     []string `json:"to"`
	Spool  []string `json:"spool"`
}

// Public gives what seals now. Errors as Seal.
func (s *Sealer) Public(ctx context.Context, domain string) (Public, error) {
	epoch, to, err := s.ring.Recipients(ctx, domain)
	if err != nil {
		return Public{}, fmt.Errorf("seal: recipients: %w", err)
	}
	p := Public{Domain: domain, Epoch: epoch}
	for _, list := range []struct {
		from []age.Recipient
		into *[]string
	}{{to, &p.To}, {s.ring.SpoolRecipients(), &p.Spool}} {
		for _, r := range list.from {
			text, ok := r.(fmt.Stringer)
			if !ok {
				return Public{}, fmt.Errorf("seal: a recipient of %T cannot be given away", r)
			}
			*list.into = append(*list.into, text.String())
		}
	}
	return p, nil
}

// Sealer makes one that seals to these recipients for this domain, and opens nothing.
func (p Public) Sealer() (*Sealer, error) {
	f := fixedRing{domain: p.Domain, epoch: p.Epoch}
	for _, list := range []struct {
		from []string
		into *[]age.Recipient
	}{{p.To, &f.to}, {p.Spool, &f.spool}} {
		for _, text := range list.from {
			r, err := age.ParseHybridRecipient(text)
			if err != nil { // somebody may have put an identity here
				return nil, errors.New("seal: what was given is no hybrid recipient")
			}
			*list.into = append(*list.into, r)
		}
	}
	if len(f.to) == 0 || len(f.spool) == 0 {
		return nil, errors.New("seal: recipients are missing")
	}
	return New(f), nil
}

// fixedRing has recipients and nothing else.
type fixedRing struct {
	domain    string
	epoch     int
	to, spool []age.Recipient
}

// Recipients implements KeyRing.
func (f fixedRing) Recipients(_ context.Context, domain string) (int, []age.Recipient, error) {
	if domain != f.domain {
		return 0, nil, ErrDomain
	}
	return f.epoch, f.to, nil
}

// Identities implements KeyRing.
func (fixedRing) Identities(context.Context, string) ([]age.Identity, error) { return nil, ErrNoKey }

// Renew implements KeyRing.
func (fixedRing) Renew(context.Context) error { return nil }

// SpoolRecipients implements KeyRing.
func (f fixedRing) SpoolRecipients() []age.Recipient { return f.spool }

// SpoolIdentities implements KeyRing.
func (fixedRing) SpoolIdentities(context.Context) ([]age.Identity, error) { return nil, ErrNoKey }

// Session implements KeyRing.
func (fixedRing) Session() []age.Identity { return nil }
