package main

import (
	"context"

	"naisen/provisioning/directory"
	"naisen/sip/event"
)

// quiet shows do-not-disturb on lamps and in presence: a lamp of such an extension is lit as if it talked.
type quiet struct {
	calls     event.Dialogs
	directory *directory.Directory
	stop      context.CancelFunc
	done      chan struct{}
}

// Dialogs implements event.Dialogs. What stands for do-not-disturb has no Call-ID: it cannot be picked up.
func (q quiet) Dialogs(a event.AOR) []event.Dialog {
	out := q.calls.Dialogs(a)
	if q.directory.Snapshot().Settings(a.Domain, a.User).DoNotDisturb {
		out = append(out, event.Dialog{ID: "do-not-disturb", Initiator: true, State: event.Confirmed})
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
		last := q.directory.Snapshot()
		for q.directory.WaitVersion(run, last.Version()+1) == nil {
			next := q.directory.Snapshot()
			switched(last, next, tell)
			last = next
		}
	}()
}

// switched tells of each extension whose do-not-disturb is another now.
func switched(last, next *directory.Snapshot, tell func(event.AOR)) {
	before, now := last.Undisturbed(), next.Undisturbed()
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
