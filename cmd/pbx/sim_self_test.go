package main

import (
	"context"
	"sync"
)

// simSelf remembers what was set; 2003 called everybody last.
type simSelf struct {
	mu    sync.Mutex
	set   []string
	marks []string          // calls that were parked and fetched
	there map[string]string // slot by call
	parks bool              // there is a parking lot, and people use it
	pages bool              // there is a paging group, and people speak to it
}

// Set implements app.Desk.
func (d *simSelf) Set(_ context.Context, _, extension, feature, argument string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.set = append(d.set, extension+" "+feature+" "+argument)
	return nil
}

// Prove implements app.Desk: everybody's PIN is 4711.
func (d *simSelf) Prove(_ context.Context, _, _, _, pin string) error {
	if pin != "4711" {
		return errWrongPIN
	}
	return nil
}

// SignIn implements app.Desk.
func (d *simSelf) SignIn(ctx context.Context, domain, desk, person, pin string) error {
	return d.Prove(ctx, domain, person, desk, pin)
}

// LastCaller implements app.Desk.
func (d *simSelf) LastCaller(context.Context, string, string) (string, bool, error) {
	return "2003", true, nil
}

// SignInOrOut, Pause and Ready implement app.Agents.
func (d *simSelf) SignInOrOut(ctx context.Context, domain, extension, queue string) (bool, error) {
	return true, d.Set(ctx, domain, extension, "sign", queue)
}
func (d *simSelf) Pause(ctx context.Context, domain, extension, reason string) (bool, error) {
	return true, d.Set(ctx, domain, extension, "pause", reason)
}
func (d *simSelf) Ready(ctx context.Context, domain, extension string) error {
	return d.Set(ctx, domain, extension, "ready", "")
}
