package app

import (
	"context"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

// Agents is what those who serve queues do from their telephones. Scripts call it beside the call: it may block. An error: it was not done.
type Agents interface {
	// SignInOrOut of a queue, or of all that the extension serves; in says what it is now.
	SignInOrOut(ctx context.Context, domain, extension, queue string) (in bool, err error)
	// Pause with the reason of a number, or end the pause.
	Pause(ctx context.Context, domain, extension, reason string) (paused bool, err error)
	// Ready ends a pause and what is left of a wrap-up.
	Ready(ctx context.Context, domain, extension string) error
}

// attending does what an agent dialled, and says what it did.
type attending struct{ from Programs }

// On implements call.Script.
func (s *attending) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		return []call.Order{call.PickUp{}, call.Wake{After: announceLimit}, s.work(f)}
	case call.Result:
		prompt, ok := c.Value.(string)
		if !ok {
			prompt = promptBarred
		}
		return []call.Order{call.Play{Program: s.from.Announce(f.Domain, prompt, f.Language)}}
	case call.Played, call.Elapsed:
		return finish()
	}
	return nil
}

// work does it; its result is what is said, or an error.
func (s *attending) work(f call.Facts) call.Order {
	domain, extension, argument := f.Domain, f.Run.For, f.Run.Data[route.Argument]
	return call.Beside{Work: func(ctx context.Context) any {
		var yes bool
		var err error
		said := [2]string{"agent/ready", "agent/paused"}
		switch f.Run.Name {
		case provisioning.FeatureAgentSign:
			said = [2]string{"agent/signed-out", "agent/signed-in"}
			yes, err = s.from.Agents.SignInOrOut(ctx, domain, extension, argument)
		case provisioning.FeatureAgentPause:
			yes, err = s.from.Agents.Pause(ctx, domain, extension, argument)
		case provisioning.FeatureAgentReady:
			err = s.from.Agents.Ready(ctx, domain, extension)
		}
		switch {
		case err != nil:
			return err
		case yes:
			return said[1]
		}
		return said[0]
	}}
}
