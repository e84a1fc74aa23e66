package main

import (
	"strings"
	"sync"
	"time"

	"naisen/media"
	"naisen/recorder"
)

type simTap struct{ r *simRecording }

func (simTap) Tap(*media.Frame) {}

// tape is the recorder of the simulation: it keeps what it was told.
type tape struct {
	mu         sync.Mutex
	failing    func() bool
	recordings []*simRecording
	refused    map[string]bool // calls whose recording was refused by the recorder
}

func (t *tape) Start(c recorder.Case) (recorder.Recording, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failing() {
		t.refused[c.Call] = true
		return nil, recorder.ErrDiskFull
	}
	r := &simRecording{tape: t, of: c, at: time.Now()}
	for _, p := range c.Parties {
		r.knows = append(r.knows, p.Endpoint)
	}
	t.recordings = append(t.recordings, r)
	return r, nil
}

// simRecording is one capture. bridge is guarded by air.mu, the rest by tape.mu.
type simRecording struct {
	tape   *tape
	of     recorder.Case
	at     time.Time
	bridge *simBridge
	joined []recorder.Party // later: after a transfer
	stops  int
	ended  time.Time

	heardBy []string // listeners and what they did
	orders  []string // pauses and their ends

	knows, left []string // endpoints whose voices it has; who left
	informed    []recorder.Notice
	links       []recorder.Link
}

func (r *simRecording) Tap() media.Tap { return simTap{r} }

func (r *simRecording) Party(p recorder.Party) {
	r.tape.mu.Lock()
	defer r.tape.mu.Unlock()
	r.joined, r.knows = append(r.joined, p), append(r.knows, p.Endpoint)
}

// Listener implements the part of a recording that names listeners.
func (r *simRecording) Listener(endpoint string, l recorder.Listener) {
	r.tape.mu.Lock()
	defer r.tape.mu.Unlock()
	r.heardBy = append(r.heardBy, l.Number+" "+l.Mode)
	if l.Mode == recorder.Barges {
		r.knows = append(r.knows, endpoint)
	}
}

// Pause and Resume implement the part of a recording that can be paused.
func (r *simRecording) Pause(o recorder.Order) bool { r.ordered("pause", o); return true }
func (r *simRecording) Resume(o recorder.Order)     { r.ordered("resume", o) }

func (r *simRecording) ordered(does string, o recorder.Order) {
	r.tape.mu.Lock()
	defer r.tape.mu.Unlock()
	r.orders = append(r.orders, strings.Join(strings.Fields(does+" "+o.By+" "+o.How+" "+o.Reason), " "))
}

func (r *simRecording) OnFailure(func(error)) {}

func (r *simRecording) Stop(ended time.Time, _ string) {
	r.tape.mu.Lock()
	defer r.tape.mu.Unlock()
	r.stops++
	r.ended = ended
}
