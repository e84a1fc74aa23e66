package provisioning

import (
	"context"
	"time"
)

// RecordingHold keeps a recording from being destroyed (法的保全).
type RecordingHold struct {
	Since  time.Time `json:"since"`
	By     string    `json:"by" doc:"Who; store: it was found on the stored object, and the audit log says who"`
	Reason string    `json:"reason"`
}

// Held says that another hold stands: 409.
type Held struct{ By, Reason string }

func (*Held) Error() string {
	return "provisioning: it is held already, by somebody else or for another reason"
}

// RecordingKeeping is how long a recording is kept, and what keeps it.
type RecordingKeeping struct {
	Recording   string         `json:"recording"`
	Number      string         `json:"number" doc:"The recorded number"`
	Policy      string         `json:"policy" doc:"Whose class of retention it has"`
	Started     time.Time      `json:"started"`
	State       string         `json:"state"`
	Label       Label          `json:"label" doc:"機密度"`
	RetainUntil time.Time      `json:"retain_until,omitzero" doc:"When it falls due; absent: never by itself"`
	Hold        *RecordingHold `json:"hold,omitempty"`
	Approved    time.Time      `json:"approved,omitzero" doc:"When its destruction was approved"`
	ApprovedBy  string         `json:"approved_by,omitempty"`
}

// Disposal is the list of what falls due in a month (廃棄予定一覧).
type Disposal struct {
	Month    string `json:"month" doc:"2026-12, Japan's time"`
	Due      int    `json:"due"`
	Held     int    `json:"held" doc:"Of them, kept all the same"`
	Approved int    `json:"approved" doc:"Of them, those whose destruction was approved"`
	Digest   string `json:"digest" doc:"Changes when anything on the list does; it is the list's entity tag"`
}

// Vault is what an authorised person may do about how long recordings are kept. Errors: ErrNotFound; *Invalid: a time that cannot be; ErrStale: the
// list, the label or the hold is not the one that was read; *Held.
type Vault interface {
	Keeping(ctx context.Context, domain, recording string) (RecordingKeeping, error)
	Hold(ctx context.Context, domain, recording, by, reason string) error
	Release(ctx context.Context, domain, recording string) error
	// Extend keeps a recording longer that has an end. Date gives one to a recording that has none.
	Extend(ctx context.Context, domain, recording string, until time.Time) error
	Date(ctx context.Context, domain, recording string, until time.Time) error
	Relabel(ctx context.Context, domain, recording string, from, to Label) error
	Disposals(ctx context.Context, domain string) ([]Disposal, error)
	// Disposal is one list, and at most limit of what stands in it, behind a recording of it.
	Disposal(ctx context.Context, domain, month, after string, limit int) (Disposal, []RecordingKeeping, error)
	Approve(ctx context.Context, domain, month, digest, by string) (Disposal, error)
}
