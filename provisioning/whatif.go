package provisioning

import (
	"context"
	"time"
)

// WhatIfQuery is which calls a set of changes is tried on: a page of those of the last days, the newest first.
type WhatIfQuery struct {
	Since time.Time // the zero value: 30 days ago
	After string    // ID of the last call of the page before
	Limit int       // calls of a page; 0: 20,000
}

// WhatIfAnswer says which of a page's calls would have gone another way.
type WhatIfAnswer struct {
	Calls    int                `json:"calls" doc:"Looked at"`
	Skipped  int                `json:"skipped" doc:"Of which the record does not say enough to tell: pages, transfers, calls for help"`
	Changed  int                `json:"changed" doc:"That would go or be recorded otherwise"`
	Kinds    []WhatIfDifference `json:"differences" nullable:"false"`
	Next     string             `json:"next,omitempty" doc:"Give it as after for the calls before; absent: these were all"`
	Complete bool               `json:"complete" doc:"There are no more calls before these"`
}

// WhatIfDifference is one way in which calls would differ.
type WhatIfDifference struct {
	Of       string          `json:"of" enum:"destination,trunk,recording,notice"`
	Calls    int             `json:"calls"`
	Examples []WhatIfExample `json:"examples" nullable:"false" doc:"At most five"`
}

// WhatIfExample is a call, and what would have become of it.
type WhatIfExample struct {
	Call   string    `json:"call" doc:"ID of its record"`
	At     time.Time `json:"at"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Before string    `json:"before"`
	After  string    `json:"after"`
}

// WhatIf tries a set of changes on calls that were made, without making it. Errors as ChangeSet.Run.
type WhatIf interface {
	WhatIf(ctx context.Context, who Subject, domain string, s ChangeSet, q WhatIfQuery) (WhatIfAnswer, error)
}

// MaxWhatIf bounds how many calls one question is about, over all pages, and WhatIfDays how old they are.
const (
	MaxWhatIf  = 100_000
	WhatIfDays = 30
)
