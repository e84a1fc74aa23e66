package recorder

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"
)

// Action is what someone wants with recordings.
type Action string

// Actions that a Gate is asked about.
const (
	List     Action = "list"     // who with whom, when
	Listen   Action = "listen"   // hear it, as it is played
	Look     Action = "look"     // see its waveform, which says who spoke when
	Download Action = "download" // take it away as a file
	Export   Action = "export"   // an evidence pack, which leaves the vault
)

// Refusals that may be told to somebody who knows of the recording.
var (
	ErrNoApproval = errors.New("recorder: nobody approved that it is heard")
	ErrStreamOnly = errors.New("recorder: it may be heard and not taken away")
)

// Item is what a Gate must know of a recording to decide about it.
type Item struct {
	Domain, ID string
	Number     string   // whose policy made it
	Groups     []string // queues and groups that its call was for
	Label      Label
	Started    time.Time
	Parties    []string // numbers of who took part
	Cases      []CaseNumber
}

// CaseNumber is that of a case (案件番号) that somebody said a recording belongs to.
type CaseNumber struct {
	Name    string    `json:"name"`
	Author  string    `json:"author"` // who said so, as the audit log names them
	Entered time.Time `json:"entered"`
}

// Scope is the part of a domain's recordings that somebody may know of.
type Scope struct {
	All     bool     // every number and group
	Numbers []string // those whose policy made the recording
	Groups  []string
	Labels  []Label // nil: every label
}

// Sees says that the scope has recordings of a label.
func (s Scope) Sees(l Label) bool { return s.Labels == nil || slices.Contains(s.Labels, l.Or()) }

// Covers says that an item is in the scope. It is the same rule as the catalogue's search has as terms.
func (s Scope) Covers(i Item) bool {
	if !s.Sees(i.Label) {
		return false
	}
	return s.All || slices.Contains(s.Numbers, i.Number) || slices.ContainsFunc(i.Groups, func(g string) bool { return slices.Contains(s.Groups, g) })
}

// Terms are how a recording is served to somebody.
type Terms struct {
	Listener string // who, as the audit log names them
	Request  string // the approved request under which they listen; empty: a manifest or a list
	Purpose  string
	Whole    bool // as a file, as fast as the network carries it; else as a stream, a second in a second
}

// Served is what reached the listener's connection. Of sound, the stretch of the recording; FromMS and ToMS are 0 for everything else.
type Served struct {
	Bytes        int64
	FromMS, ToMS int64
}

// Permit is the right to do one action now. Begin writes the audit entry and must succeed before the first byte; Done says what was served.
type Permit interface {
	Terms() Terms
	Begin(ctx context.Context, detail map[string]any) error
	// Still says that the right goes on: a long play asks again and again. Any error ends it.
	Still(ctx context.Context) error
	Done(s Served, err error)
}

// Gate decides. It answers ErrNotFound when the asker may not know that the recording exists, and *Unauthenticated when there is no valid token.
type Gate interface {
	// Scope is what of a domain's recordings the asker may know of, and the permit to be shown it.
	Scope(r *http.Request, domain string) (Scope, Permit, error)
	// Permit is about one recording. Where there is none, the item has no more than the domain and the ID that was asked for. ErrNoApproval,
	// ErrStreamOnly: of somebody who may know of it.
	Permit(r *http.Request, action Action, i Item) (Permit, error)
}

// Unauthenticated carries the WWW-Authenticate value of the 401, or of the 403 of a token that is good, but for something else.
type Unauthenticated struct {
	Challenge string
	Scope     bool // the 403
}

func (e *Unauthenticated) Error() string { return "recorder: no valid token" }
