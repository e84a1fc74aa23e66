package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

// recentCalls is how far back the last caller is looked for.
const recentCalls = 100

var errNoFeature = errors.New("self-service: the feature cannot be set from a phone")

// selfService does what people dial codes for, in the store: audited, and live for the next call.
type selfService struct {
	store provisioning.Store
	pins  *pins
	// recall notes or drops wishes to be rung when a colleague is free: they are no rows of the store.
	recall func(domain, extension, feature, of string) error
}

var _ app.Desk = selfService{}

// Set implements app.Desk.
func (d selfService) Set(ctx context.Context, domain, extension, feature, argument string) error {
	if feature == provisioning.FeatureRecallOn || feature == provisioning.FeatureRecallOff {
		return d.recall(domain, extension, feature, argument)
	}
	return d.store.Update(ctx, provisioning.Subject{Domain: domain, User: "extension " + extension, Device: extension}, func(w provisioning.Writer) error {
		if feature == provisioning.FeatureDeskOut {
			return provisioning.Delete[provisioning.HotDesk](w, domain, argument, "")
		}
		if feature == provisioning.FeatureNight {
			return turn(w, domain, extension, argument)
		}
		if feature == provisioning.FeatureLock {
			if _, err := provisioning.PINOf(w, domain, extension); err != nil { // nothing would open it again
				return err
			}
		}
		s, _, err := provisioning.Get[provisioning.Settings](w, domain, extension)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		s.Extension = extension
		to, err := destination(w, domain, argument)
		if err != nil {
			return err
		}
		if !change(&s, feature, to) {
			return errNoFeature
		}
		_, err = w.Put(domain, s, "")
		return err
	})
}

// shorten puts a number under a code into the own list of the owner of an extension, or takes the code out. Nobody else's list is touched, and what
// the store would refuse by REST it refuses here.
func (d selfService) shorten(ctx context.Context, domain, extension, code, number string) error {
	return d.store.Update(ctx, provisioning.Subject{Domain: domain, User: "extension " + extension, Device: extension}, func(w provisioning.Writer) error {
		e, _, err := provisioning.Get[provisioning.Extension](w, domain, extension)
		if err != nil {
			return err
		}
		if e.User == "" {
			return errNoFeature
		}
		own, _, err := provisioning.Get[provisioning.ShortNumbers](w, domain, provisioning.UserList(e.User))
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		own.List = provisioning.UserList(e.User)
		n := len(own.Entries)
		own.Entries = slices.DeleteFunc(own.Entries, func(s provisioning.ShortNumber) bool { return s.Code == code })
		switch {
		case number != "":
			own.Entries = append(own.Entries, provisioning.ShortNumber{Code: code, Number: number})
		case len(own.Entries) == n:
			return provisioning.ErrNotFound
		}
		_, err = w.Put(domain, own, "")
		return err
	})
}

// turn presses the key of the calendar with that number, for an extension that may.
func turn(w provisioning.Writer, domain, extension, number string) error {
	all, err := provisioning.List[provisioning.Calendar](w, domain, "", 0)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Number == number && number != "" && slices.Contains(c.Operators, extension) {
			_, err := w.Put(domain, c.Turned(time.Now()), "")
			return err
		}
	}
	return errNoFeature
}

// destination is where a forward leads that somebody dialled; nil: nowhere.
func destination(r provisioning.Reader, domain, dialled string) (*provisioning.Destination, error) {
	if dialled == "" {
		return nil, nil
	}
	_, _, err := provisioning.Get[provisioning.Extension](r, domain, dialled)
	_, _, group := provisioning.Get[provisioning.Group](r, domain, dialled)
	switch {
	case err == nil:
		return &provisioning.Destination{Extension: dialled}, nil
	case group == nil:
		return &provisioning.Destination{Group: dialled}, nil
	case errors.Is(err, provisioning.ErrNotFound):
		return &provisioning.Destination{Number: dialled}, nil
	}
	return nil, err
}

// change sets what a feature is about; false: nothing of the settings.
func change(s *provisioning.Settings, feature string, to *provisioning.Destination) bool {
	switch feature {
	case provisioning.FeatureForwardOn, provisioning.FeatureForwardOff:
		s.Forward.Always = to
	case provisioning.FeatureForwardBusyOn, provisioning.FeatureForwardBusyOff:
		s.Forward.Busy = to
	case provisioning.FeatureForwardAnswerOn, provisioning.FeatureForwardAnswerOff:
		s.Forward.NoAnswer = to
	case provisioning.FeatureLock, provisioning.FeatureUnlock:
		s.Locked = feature == provisioning.FeatureLock
	case provisioning.FeatureDNDOn, provisioning.FeatureDNDOff:
		s.DoNotDisturb = feature == provisioning.FeatureDNDOn
	default:
		return false
	}
	return true
}

// LastCaller implements app.Desk.
func (d selfService) LastCaller(ctx context.Context, domain, extension string) (number string, known bool, err error) {
	err = d.store.View(ctx, func(r provisioning.Reader) error {
		list, err := r.CDRs(domain, provisioning.CDRQuery{Parties: []string{extension}, Limit: recentCalls})
		for _, c := range list {
			if c.From != extension && c.To != c.From {
				number, known = c.From, true
				return err
			}
		}
		return err
	})
	return number, known, err
}

// menu is what callers hear now.
func (p *pbx) menu(domain, name string) (provisioning.Menu, bool) {
	return p.directory.Snapshot().Menu(domain, name)
}

// calendar is when an office is open.
func (p *pbx) calendar(domain, name string) (provisioning.Calendar, bool) {
	return p.directory.Snapshot().Calendar(domain, name)
}

// leave is the plan that takes a call to a mailbox.
func (p *pbx) leave(domain, number string) route.Plan {
	return route.Voicemail(ordered{p.directory.Snapshot(), p.trunks.book}, domain, number, "", route.Plan{})
}
