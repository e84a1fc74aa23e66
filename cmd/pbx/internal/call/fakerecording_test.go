package call

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"naisen/media"
	"naisen/recorder"
)

type fakeRecording struct {
	of     recorder.Case
	failed func(error)
	born   error // it has failed when it begins
	stops  int
	why    string
	masks  []bool
	more   []string // parties that came later
	gone   []string // endpoints that left

	held   bool     // in memory: it is no recording yet
	orders []string // pauses and their ends; guarded by mu
	mu     sync.Mutex
	full   bool // it takes no pause

	listeners []string
	kept      []int
	labels    []recorder.Label
}

func (f *fakeRecording) Left(endpoint string)     { f.gone = append(f.gone, endpoint) }
func (f *fakeRecording) Informed(recorder.Notice) {}
func (f *fakeRecording) Linked(recorder.Link)     {}
func (f *fakeRecording) Kept(days int, label recorder.Label) {
	f.kept, f.labels = append(f.kept, days), append(f.labels, label)
}

// Mask implements masker.
func (f *fakeRecording) Mask(on bool, _ string) { f.masks = append(f.masks, on) }

// Pause and Resume implement pauser.
func (f *fakeRecording) Pause(o recorder.Order) bool {
	if !f.full {
		f.order("pause", o)
	}
	return !f.full
}
func (f *fakeRecording) Resume(o recorder.Order) { f.order("resume", o) }

func (f *fakeRecording) order(does string, o recorder.Order) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders = append(f.orders, strings.Join(strings.Fields(does+" "+o.By+" "+o.How+" "+o.Reason), " "))
}

// ordered is what it was told of pauses.
func (f *fakeRecording) ordered() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.orders)
}

// Hold implements recorder.Holder, and fakeRecording recorder.Held.
func (r *rig) Hold(c recorder.Case, window time.Duration) (recorder.Held, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holdErr != nil || window != heldWindow {
		return nil, errors.Join(r.holdErr, errFake)
	}
	f := &fakeRecording{of: c, held: true}
	r.records = append(r.records, f)
	return f, nil
}
func (f *fakeRecording) Keep(c recorder.Case) { f.of, f.held = c, false }

func (f *fakeRecording) Tap() media.Tap { return tapFunc{} }

type tapFunc struct{}

func (tapFunc) Tap(*media.Frame)                      {}
func (f *fakeRecording) Party(p recorder.Party)       { f.more = append(f.more, p.Number+"/"+p.Role) }
func (f *fakeRecording) Stop(_ time.Time, why string) { f.stops++; f.why = why }
func (f *fakeRecording) OnFailure(g func(error)) {
	if f.failed = g; f.born != nil {
		g(f.born)
	}
}
