package route

import (
	"cmp"
	"slices"
	"time"

	"naisen/provisioning"
)

// Device is what is known of a telephone that can ring for an extension.
type Device struct {
	Instance  string // +sip.instance; empty: it has none
	UserAgent string
	Q         float64       // 0 to 1: how much its owner would be reached there (RFC 3261 section 20.10); below 0: last of all
	After     time.Duration // it rings so much later than those that nobody says anything of
}

// Start says when a telephone rings, counted from the first one of its extension. The zero value: at once.
type Start struct {
	After time.Duration
	Turn  int // in order: those of a turn before ring no more then
}

// Starts says when each of the devices that are there now rings. The first always does at once: nobody waits for a telephone that is switched off.
// within is how long all of them may ring (0: as long as they like); where that is too short for a full turn of each, each has its share.
func Starts(r *provisioning.Ringing, devices []Device, within time.Duration) []Start {
	out := make([]Start, len(devices))
	switch {
	case len(devices) < 2:
	case r != nil && r.Mode == provisioning.RingInOrder:
		inOrder(*r, devices, within, out)
	default:
		delayed(r, devices, out)
	}
	return out
}

// wished is the target as its owner wants to be rung. Who is called by a device's own address is called there.
func (t Target) wished(dir Directory, req Request, owner provisioning.Extension, s provisioning.Settings) Target {
	t.Idle = s.NoCallWaiting
	t.Mobile, t.Ours = mobile(dir, req, owner, s), ours(req, owner, s)
	if t.Kind == ToExtension && t.Device == "" && !s.Ring.Together() {
		t.Ringing = &s.Ring
	}
	return t
}

// delayed lets those ring later of which the setting says so.
func delayed(r *provisioning.Ringing, devices []Device, out []Start) {
	for i, d := range devices {
		out[i].After = d.After
		if r == nil {
			continue
		}
		if at := r.Place(d.Instance, d.UserAgent); at >= 0 {
			out[i].After = time.Duration(r.Devices[at].Delay) * time.Second
		}
	}
	first := slices.MinFunc(out, func(a, b Start) int { return cmp.Compare(a.After, b.After) }).After
	for i := range out {
		out[i].After -= first
	}
}

// inOrder gives each device its turn: those that the setting names first, the others by their q, equal ones together (RFC 3261 section 16.6 step 4).
func inOrder(r provisioning.Ringing, devices []Device, within time.Duration, out []Start) {
	type rank struct {
		place int
		q     float64
	}
	of := func(d Device) rank {
		if at := r.Place(d.Instance, d.UserAgent); at >= 0 {
			return rank{place: at}
		}
		return rank{len(r.Devices), d.Q}
	}
	var ranks []rank
	for _, d := range devices {
		if !slices.Contains(ranks, of(d)) {
			ranks = append(ranks, of(d))
		}
	}
	slices.SortFunc(ranks, func(a, b rank) int { return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(b.q, a.q)) })
	long := time.Duration(r.Turn()) * time.Second
	if share := within / time.Duration(len(ranks)); within > 0 && share < long {
		long = share
	}
	for i, d := range devices {
		turn := slices.Index(ranks, of(d))
		out[i] = Start{time.Duration(turn) * long, turn}
	}
}
