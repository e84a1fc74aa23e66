package main

import (
	"context"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip/event"
)

// quiet shows what is set on lamps and in presence: a lamp of an extension that is not to be disturbed is lit as if it talked, that of
// a calendar's key while its office is closed, and that of an agent by what it does.
type quiet struct {
	calls     event.Dialogs
	directory *directory.Directory
	every     time.Duration // how often the clock is looked at

	attendance func(event.AOR) (event.DialogState, bool) // of agents' lamps; nil: there are none
	stop       context.CancelFunc
	done       chan struct{}
}

// Dialogs implements event.Dialogs. What stands for do-not-disturb has no Call-ID: it cannot be picked up.
func (q quiet) Dialogs(a event.AOR) []event.Dialog {
	out := q.calls.Dialogs(a)
	snap := q.directory.Snapshot()
	if snap.Settings(a.Domain, a.User).DoNotDisturb {
		out = append(out, event.Dialog{ID: "do-not-disturb", Initiator: true, State: event.Confirmed})
	}
	if c, ok := snap.CalendarAt(a.Domain, a.User); ok && c.Mode(time.Now()) != provisioning.ModeDay {
		out = append(out, event.Dialog{ID: "closed", Initiator: true, State: event.Confirmed})
	}
	if q.attendance != nil {
		if state, lit := q.attendance(a); lit {
			out = append(out, event.Dialog{ID: "agent", Initiator: true, State: state})
		}
	}
	return out
}

// note is what presence says of an extension that is not to be disturbed.
func (q quiet) note(a event.AOR) (text string, on bool) {
	snap := q.directory.Snapshot()
	if !snap.Settings(a.Domain, a.User).DoNotDisturb {
		return "", false
	}
	if d, _ := snap.Domain(a.Domain); d.Language == "en" {
		return "Do not disturb", true
	}
	return "着信拒否中", true
}

// start tells the watchers of whoever switches it, until Close.
func (q *quiet) start(ctx context.Context, tell func(event.AOR)) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	q.stop, q.done = stop, make(chan struct{})
	go func() {
		defer close(q.done)
		snap := q.directory.Snapshot()
		lit := snap.Lit(time.Now())
		for {
			wait, cancel := context.WithTimeout(run, q.every) // an office opens and closes by the clock
			err := q.directory.WaitVersion(wait, snap.Version()+1)
			late := wait.Err() != nil
			cancel()
			if run.Err() != nil || err != nil && !late {
				return
			}
			snap = q.directory.Snapshot()
			now := snap.Lit(time.Now())
			switched(lit, now, tell)
			lit = now
		}
	}()
}

// switched tells of each number whose lamp is another now.
func switched(before, now map[[2]string]bool, tell func(event.AOR)) {
	for _, pair := range [][2]map[[2]string]bool{{before, now}, {now, before}} {
		for k := range pair[0] {
			if !pair[1][k] {
				tell(event.AOR{User: k[1], Domain: k[0]})
			}
		}
	}
}

// Close stops following and waits.
func (q *quiet) Close() {
	q.stop()
	<-q.done
}
