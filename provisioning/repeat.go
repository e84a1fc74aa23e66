package provisioning

import (
	"context"
	"errors"
	"time"
)

// RepeatTime is how long a request with an idempotency key is remembered.
const RepeatTime = 24 * time.Hour

// ErrRepeatsFull says that somebody has more requests remembered than may be.
var ErrRepeatsFull = errors.New("provisioning: too many idempotency keys")

// Repeat is a request that was sent before under the same idempotency key.
type Repeat struct {
	Request string // a hash of what was asked
	Answer  []byte // nil: it began, and how it ended nobody knows, or not yet
}

// Repeats remembers requests by who sent them and the key that they chose, so that one that is sent again is not carried out again. *store.Store is one.
// It is state, not configuration: neither audited nor in the change feed.
type Repeats interface {
	// BeginRepeat notes that a request begins, or says what is known of the one before; of two at once one begins. ErrRepeatsFull.
	BeginRepeat(ctx context.Context, who, key, request string) (before *Repeat, err error)
	// EndRepeat keeps the answer, sealed: it may show a secret.
	EndRepeat(ctx context.Context, who, key string, answer []byte) error
	// ForgetRepeat lets the key be used again, since nothing was done.
	ForgetRepeat(ctx context.Context, who, key string) error
}
