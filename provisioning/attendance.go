package provisioning

import (
	"slices"
	"strconv"
)

// PauseReasons are why agents of the domain pause, in the order of the keys 1 to 9 that name them.
func (d Domain) PauseReasons() []string {
	switch {
	case len(d.Pauses) > 0:
		return d.Pauses
	case d.Language == "en":
		return []string{"lunch", "break", "meeting", "training"}
	}
	return []string{"昼食", "休憩", "会議", "研修"}
}

// Toggled is the agent after it dialled to come or to go: for one queue, or for all of mine, of which it is a member. False: it is a member of
// none that is meant. Whoever comes or goes does not pause.
func (a Agent) Toggled(queue string, mine []string) (Agent, bool) {
	if len(mine) == 0 || queue != "" && !slices.Contains(mine, queue) {
		return a, false
	}
	a.Paused = ""
	if queue == "" {
		a.SignedIn, a.Queues = !a.SignedIn, nil
		return a, true
	}
	var at []string // where it is signed in
	if a.SignedIn {
		at = slices.DeleteFunc(slices.Clone(mine), func(n string) bool { return len(a.Queues) > 0 && !slices.Contains(a.Queues, n) })
	}
	if i := slices.Index(at, queue); i >= 0 {
		at = slices.Delete(at, i, i+1)
	} else {
		at = append(at, queue)
	}
	a.SignedIn, a.Queues = len(at) > 0, at
	if len(at) == len(mine) { // a queue that comes later counts too
		a.Queues = nil
	}
	return a, true
}

// SignedInTo tells whether the agent takes calls of a queue; empty: of any.
func (a Agent) SignedInTo(queue string) bool {
	return a.SignedIn && (queue == "" || len(a.Queues) == 0 || slices.Contains(a.Queues, queue))
}

// Pausing is the agent after it dialled to pause: with the reason of that number, without one with the first, or no more if it pauses already.
// False: there is no such reason, or it is not signed in.
func (a Agent) Pausing(number string, reasons []string) (Agent, bool) {
	switch i, err := strconv.Atoi(number); {
	case !a.SignedIn:
		return a, false
	case number == "" && a.Paused != "":
		a.Paused = ""
	case number == "":
		a.Paused = reasons[0]
	case err != nil || i < 1 || i > len(reasons):
		return a, false
	default:
		a.Paused = reasons[i-1]
	}
	return a, true
}
