package playback

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"naisen/recorder"
)

// meter counts the body bytes that went out, keeps to the listener's budget, looks whether the right to listen goes on, and gives up on a listener who
// takes nothing for a while.
type meter struct {
	http.ResponseWriter
	ctx     context.Context // the request's: Write takes none
	stall   time.Duration
	recheck time.Duration
	budget  *rate.Limiter // nil: as fast as the network is
	permit  recorder.Permit
	sound   wave

	checked time.Time
	n       int64
	revoked bool
	err     error

	unsatisfied func() // answers a range that the file does not have
	answered    bool   // so
}

// WriteHeader implements http.ResponseWriter. net/http's own words for a range that cannot be are plain text, and it takes away what forbids keeping it.
func (w *meter) WriteHeader(code int) {
	if code == http.StatusRequestedRangeNotSatisfiable && !w.answered {
		w.answered = true
		w.unsatisfied()
		return
	}
	w.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (w *meter) Write(p []byte) (int, error) {
	if w.answered {
		return len(p), nil
	}
	sent := 0
	for sent < len(p) {
		piece := p[sent:]
		if w.budget != nil && w.sound.perSecond > 0 { // a quarter of a second at once, so that what is sent and cut off again is little
			piece = piece[:min(int64(len(piece)), max(w.sound.perSecond/4, 1))]
		}
		n, err := w.piece(piece)
		sent += n
		w.n += int64(n)
		if err != nil {
			w.err = err
			return sent, err
		}
	}
	return sent, nil
}

func (w *meter) piece(p []byte) (int, error) {
	if w.budget != nil && w.sound.perSecond > 0 {
		ms := (int64(len(p))*1000 + w.sound.perSecond - 1) / w.sound.perSecond
		if err := w.budget.WaitN(w.ctx, int(ms)); err != nil {
			return 0, err
		}
	}
	now := time.Now()
	if w.checked.IsZero() {
		w.checked = now
	}
	if now.Sub(w.checked) >= w.recheck {
		w.checked = now
		if err := w.permit.Still(w.ctx); err != nil {
			w.revoked = true
			return 0, err
		}
	}
	err := http.NewResponseController(w.ResponseWriter).SetWriteDeadline(now.Add(w.stall))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	if err := w.ctx.Err(); err != nil { // after the deadline was set: whoever ends this sets another one
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *meter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
