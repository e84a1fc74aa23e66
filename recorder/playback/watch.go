package playback

import (
	"context"
	"net/http"
	"time"

	"naisen/recorder"
)

// watch cuts what is being sent as soon as the right to it ends, also while nothing moves: whoever waits for their budget, or does not read, is in no piece
// that could ask. The context is that of sending; stop waits, and has to be called before the handler returns.
func (h *Handler) watch(w http.ResponseWriter, r *http.Request, permit recorder.Permit) (ctx context.Context, revoked func() bool, stop func()) {
	ctx, cancel := context.WithCancel(r.Context())
	if h.cfg.Again == nil {
		return ctx, func() bool { return false }, cancel
	}
	rings, silent := h.cfg.Again(r.PathValue("domain"))
	lost, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-rings:
			}
			if err := permit.Still(ctx); err == nil || ctx.Err() != nil {
				continue
			}
			close(lost)
			cancel()
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now()) // what is being written has its end; without deadlines the next piece has
			return
		}
	}()
	ended := func() bool {
		select {
		case <-lost:
			return true
		default:
			return false
		}
	}
	return ctx, ended, func() { silent(); cancel(); <-done }
}
