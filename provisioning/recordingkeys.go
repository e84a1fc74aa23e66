package provisioning

import (
	"context"
	"time"
)

// RecordingKey is a key that recordings of a domain are sealed to.
type RecordingKey struct {
	Epoch   int       `json:"epoch" doc:"Its number; the highest is the one that is sealed to. 0: the vault's own, from before domains had keys"`
	Created time.Time `json:"created,omitzero"`
	Needed  int64     `json:"needed" doc:"Recordings and messages that it opens and no newer key does"`
	Current bool      `json:"current"`
	Retired time.Time `json:"retired,omitzero" doc:"When it was taken away: only the recovery key opens what was sealed to it alone"`
}

// RecordingKeys is what an authorised person may see and do about a domain's keys.
type RecordingKeys interface {
	RecordingKeys(ctx context.Context, domain string) ([]RecordingKey, error)
	// Rotate makes the domain's next key, to which everything is sealed from then on, and returns its epoch.
	Rotate(ctx context.Context, domain string) (int, error)
}
