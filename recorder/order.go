package recorder

import "time"

// How an Order came.
const (
	ByCode   = "code"      // keys that a party pressed in the call
	ByREST   = "rest"      // asked for by program
	ByPhone  = "telephone" // what a party's telephone prefers, as it says in SDP (RFC 7866)
	ByItself = "automatic" // its time was over
	ByPolicy = "policy"    // the call came to a number that forbids it
	BySIPREC = "siprec"    // by the system that sends the call to be recorded; By is its trunk
)

// Order is what somebody wanted of a recording: that it begins, ends, pauses or goes on.
type Order struct {
	By     string `json:"by,omitempty"`     // extension whose telephone it came from, or user@domain; empty: nobody
	How    string `json:"how,omitempty"`    // ByCode, ByREST, ByPhone, ByItself, ByPolicy, BySIPREC
	Reason string `json:"reason,omitempty"` // of a pause: what was to be kept out. Never what was
}

// Asked says of a recording on demand who asked for it, and when.
type Asked struct {
	Order
	At       time.Time `json:"at"`
	BeforeMS int64     `json:"before_ms,omitempty"` // of its beginning stood in memory until then, and was kept with it
}

// Pause is a stretch of which nothing was kept, while a card number or a マイナンバー was given: silence of the same length stands in its place, on
// every channel.
type Pause struct {
	FromMS  int64 `json:"from_ms"`
	ToMS    int64 `json:"to_ms"`
	Paused  Order `json:"paused"`
	Resumed Order `json:"resumed,omitzero"` // zero: it lasted to the end
}

// Holder keeps the last stretch of calls in memory, should somebody ask for a recording.
type Holder interface {
	// Hold begins like Start, and keeps at most the last window of it. An error: there is no room now, and nothing is kept.
	Hold(c Case, window time.Duration) (Held, error)
}

// Held is the last stretch of a call in encrypted memory. It is told of parties like any recording. Stop destroys it: nothing of it was ever written.
type Held interface {
	Recording
	// Keep makes it a recording, which begins with what is held and goes on. Of the case its ID, time and parties are not looked at.
	Keep(Case)
}
