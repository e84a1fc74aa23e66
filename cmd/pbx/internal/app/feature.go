package app

import (
	"context"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/sip"
)

// feature is the script of a code that was dialled.
func (p Programs) feature(r route.Run) (call.Script, bool) {
	switch r.Name {
	case provisioning.FeatureTime:
		return &telling{from: p}, true
	case provisioning.FeatureEcho:
		return &echoing{from: p}, true
	case provisioning.FeatureQuality:
		return &replaying{from: p}, true
	case provisioning.FeatureWithPIN, provisioning.FeatureUnlock:
		return p.proves(r)
	case provisioning.FeatureMessages, provisioning.FeatureMailbox:
		return &fetching{from: p, own: r.Name == provisioning.FeatureMessages, number: r.Data[route.Argument]}, p.Mailboxes != nil
	case provisioning.FeatureDeskIn:
		return &signingIn{asking: asking{from: p}, person: r.Data[route.Argument]}, p.Desk != nil
	case provisioning.FeatureLastCaller:
		return &returning{from: p}, p.Desk != nil
	case provisioning.FeatureAgentSign, provisioning.FeatureAgentPause, provisioning.FeatureAgentReady:
		return &attending{from: p}, p.Agents != nil
	case provisioning.FeatureShortSet, provisioning.FeatureShortClear:
		return &shortening{from: p, code: r.Data[route.Argument], clears: r.Name == provisioning.FeatureShortClear}, p.Shorten != nil
	case provisioning.FeatureListen, provisioning.FeatureWhisper, provisioning.FeatureBarge:
		return p.monitoring(r)
	}
	s, ok := confirmations[r.Name]
	return &setting{from: p, feature: r.Name, argument: r.Data[route.Argument], confirm: s.said, asks: s.asks}, ok && p.Desk != nil
}

// confirmations says what is heard when a feature was set, and what is asked when its number was not dialled.
var confirmations = map[string]struct{ said, asks string }{
	provisioning.FeatureForwardOn:        {"feature/forward-set", "feature/forward-number"},
	provisioning.FeatureForwardOff:       {"feature/forward-off", ""},
	provisioning.FeatureForwardBusyOn:    {"feature/forward-set", "feature/forward-number"},
	provisioning.FeatureForwardBusyOff:   {"feature/forward-off", ""},
	provisioning.FeatureForwardAnswerOn:  {"feature/forward-set", "feature/forward-number"},
	provisioning.FeatureForwardAnswerOff: {"feature/forward-off", ""},
	provisioning.FeatureDNDOn:            {"feature/dnd-on", ""},
	provisioning.FeatureDNDOff:           {"feature/dnd-off", ""},
	provisioning.FeatureRecallOn:         {"feature/callback-set", ""},
	provisioning.FeatureRecallOff:        {"feature/callback-off", ""},
	provisioning.FeatureDeskOut:          {"feature/hotdesk-logout", ""},
	provisioning.FeatureLock:             {"feature/activated", ""},
	provisioning.FeatureNight:            {"", ""}, // its lamp says what it did
}

// setting changes something for the extension that calls, and says what it did.
type setting struct {
	from                             Programs
	feature, argument, confirm, asks string
}

// On implements call.Script.
func (s *setting) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		orders := []call.Order{call.PickUp{}, call.Wake{After: announceLimit}}
		if s.asks != "" && s.argument == "" {
			return append(orders, call.Play{Program: s.from.Announce(f.Domain, s.asks, f.Language)}, call.Gather{Next: 5 * time.Second})
		}
		return append(orders, s.set(f))
	case call.Gathered:
		if c.Keys.Empty() {
			return s.say(f, "feature/not-possible")
		}
		s.argument = c.Keys.Reveal()
		return []call.Order{s.set(f)}
	case call.Result:
		if c.Value != nil {
			return s.say(f, "feature/not-possible")
		}
		if s.confirm == "" {
			return finish()
		}
		if s.asks != "" {
			return []call.Order{call.Play{Program: s.from.Speak(f.Domain, f.Language, Say(s.confirm), Spell(s.argument))}}
		}
		return s.say(f, s.confirm)
	case call.Played:
		return finish()
	case call.Elapsed:
		return finish()
	}
	return nil
}

func (s *setting) set(f call.Facts) call.Order {
	domain, extension, feature, argument := f.Domain, f.Run.For, s.feature, s.argument
	return call.Beside{Work: func(ctx context.Context) any {
		if err := s.from.Desk.Set(ctx, domain, extension, feature, argument); err != nil {
			return err
		}
		return nil
	}}
}

func (s *setting) say(f call.Facts, prompt string) []call.Order {
	return []call.Order{call.Play{Program: s.from.Announce(f.Domain, prompt, f.Language)}}
}

func finish() []call.Order { return []call.Order{call.Finish{Cause: sip.CauseNormal}} }
