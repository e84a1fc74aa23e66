// Package playback serves recordings over HTTP: ask the Gate, write the audit entry, unseal, send.
// It owns the routes below /v1/domains/{domain}/recordings. It never decides who may listen, keeps no plain audio anywhere but in the
// response, and sends no byte before the audit entry is written and the sealed object's hash is proved, and no sound but the listener's own copy.
package playback

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/evidence"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
	"naisen/recorder/unseal"
)

// Config of a Handler; all fields but Packs, Opener, Again, Log and Now are required.
type Config struct {
	Gate      recorder.Gate
	Catalogue *catalogue.Catalogue
	Store     objstore.Store
	Sealer    *seal.Sealer
	Packs     *evidence.Builder                     // nil: nobody makes evidence packs here
	Marker    func(context.Context) (Marker, error) // asked for each play: the key may not be at hand all the time, and without it no sound is served
	Opener    Opener                                // nil: of Store and Sealer, in this process
	// Again rings whenever rights in a domain have changed, until stop is called: who is being sent something is then asked about anew, at once. nil: every five
	// seconds only.
	Again func(domain string) (rings <-chan struct{}, stop func())
	Log   *slog.Logger
	Now   func() time.Time
}

// Opener opens stored recordings, as unseal.Opener does.
type Opener interface {
	Manifest(ctx context.Context, row catalogue.Row) (recorder.Manifest, error)
	Open(ctx context.Context, row catalogue.Row) (io.ReaderAt, int64, io.Closer, error)
	Track(ctx context.Context, row catalogue.Row, number int) (io.ReaderAt, int64, io.Closer, error)
	// Waveform is nil where the recording has none.
	Waveform(ctx context.Context, row catalogue.Row) (recorder.Manifest, *recorder.Peaks, error)
}

// Handler serves the routes:
//
//	GET /v1/domains/{domain}/recordings?number=&party=&name=&group=&label=&note=&case=&from=&to=&state=&limit=&cursor=
//	GET /v1/domains/{domain}/recordings/{id}
//	GET /v1/domains/{domain}/recordings/{id}/audio?download=1
//	GET /v1/domains/{domain}/recordings/{id}/tracks/{track}?download=1
//	GET /v1/domains/{domain}/recordings/{id}/peaks
//	POST /v1/domains/{domain}/recordings/{id}/evidence
type Handler struct {
	cfg        Config
	mux        *http.ServeMux
	listenings listenings
	opener     Opener
	cursors    cursors
	count      counters
	stall      time.Duration // how long a listener may take nothing
	pacer      pacer
	making     chan struct{} // one slot: a pack is read, hashed and signed
	packs      chan struct{} // maxPacks: it is waited for, made or sent
	recheck    time.Duration // how often a listener's right is looked at again while it plays
}

// stalled is a minute: a player that pauses reads on from its buffer or asks for a range later.
const stalled = time.Minute

const recheckEvery = 5 * time.Second

type counters struct {
	lists, shows, plays, exports, refused, unaudited, integrity, bytes, revoked atomic.Int64
}

// Stats of playback. All only grow.
type Stats struct {
	Lists, Shows, Plays int64 // that were allowed
	Exports             int64 // evidence packs that were allowed
	Refused             int64 // 401 and 404 by the Gate's word
	Unaudited           int64 // not served because the audit entry could not be written: alarm
	Integrity           int64 // not served because object or manifest was altered: alarm
	Bytes               int64 // of audio served
	Revoked             int64 // plays that ended because the right to them did
}

// New makes a Handler.
func New(cfg Config) (*Handler, error) {
	if cfg.Gate == nil || cfg.Catalogue == nil || cfg.Store == nil || cfg.Sealer == nil || cfg.Marker == nil {
		return nil, errors.New("playback: Gate, Catalogue, Store, Sealer and Marker are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h := &Handler{cfg: cfg, mux: http.NewServeMux(), opener: cfg.Opener, making: make(chan struct{}, 1), packs: make(chan struct{}, maxPacks), stall: stalled, recheck: recheckEvery,
		listenings: listenings{known: map[heard]*span{}}, pacer: pacer{budgets: map[string]*rate.Limiter{}, now: time.Now}}
	if h.opener == nil {
		h.opener = unseal.New(cfg.Store, cfg.Sealer)
	}
	var err error
	if h.cursors, err = newCursors(); err != nil {
		return nil, err
	}
	h.mux.HandleFunc("GET /v1/domains/{domain}/recordings", h.list)
	h.mux.HandleFunc("GET /v1/domains/{domain}/recordings/{id}", h.show)
	h.mux.HandleFunc("GET /v1/domains/{domain}/recordings/{id}/audio", h.audio)
	h.mux.HandleFunc("GET /v1/domains/{domain}/recordings/{id}/tracks/{track}", h.track)
	h.mux.HandleFunc("GET /v1/domains/{domain}/recordings/{id}/peaks", h.peaks)
	if cfg.Packs != nil {
		h.mux.HandleFunc("POST /v1/domains/{domain}/recordings/{id}/evidence", h.export)
	}
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Whatever the answer is, nobody between here and the listener keeps it.
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if _, pattern := h.mux.Handler(r); pattern == "" {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			h.problem(w, r, methodNotAllowed, "")
			return
		}
		h.problem(w, r, notFound, "")
		return
	}
	h.mux.ServeHTTP(w, r)
}

// Stats returns the numbers of this moment.
func (h *Handler) Stats() Stats {
	n := &h.count
	return Stats{Lists: n.lists.Load(), Shows: n.shows.Load(), Plays: n.plays.Load(), Exports: n.exports.Load(), Refused: n.refused.Load(), Unaudited: n.unaudited.Load(),
		Integrity: n.integrity.Load(), Bytes: n.bytes.Load(), Revoked: n.revoked.Load()}
}

// find asks the Gate about one recording and returns its row. A recording that does not exist is asked about all the same, so that without
// a token the answer is 401 for both, and with one it takes about as long.
func (h *Handler) find(w http.ResponseWriter, r *http.Request, action recorder.Action) (catalogue.Row, recorder.Permit, bool) {
	domain, id := r.PathValue("domain"), r.PathValue("id")
	row, err := h.cfg.Catalogue.Get(r.Context(), domain, id)
	if err != nil && !errors.Is(err, recorder.ErrNotFound) {
		h.failed(w, r, id, err)
		return row, nil, false
	}
	item := row.Item()
	item.Domain, item.ID = domain, id
	permit, denied := h.cfg.Gate.Permit(r, action, item)
	if err != nil && (errors.Is(denied, recorder.ErrNoApproval) || errors.Is(denied, recorder.ErrStreamOnly)) { // of what is not there
		denied = recorder.ErrNotFound
	}
	if denied != nil {
		h.denied(w, r, id, denied)
		return row, nil, false
	}
	if err != nil {
		h.problem(w, r, notFound, "")
		return row, nil, false
	}
	return row, permit, true
}

// denied answers what the Gate said. Everything that is neither a missing token nor a broken Gate looks like a missing recording.
func (h *Handler) denied(w http.ResponseWriter, r *http.Request, id string, err error) {
	var unauthenticated *recorder.Unauthenticated
	switch {
	case errors.As(err, &unauthenticated):
		h.count.refused.Add(1)
		w.Header().Set("WWW-Authenticate", unauthenticated.Challenge)
		if unauthenticated.Scope {
			h.problem(w, r, otherScope, "")
			return
		}
		h.problem(w, r, noToken, "")
	case errors.Is(err, recorder.ErrNotFound):
		h.count.refused.Add(1)
		h.problem(w, r, notFound, "")
	case errors.Is(err, recorder.ErrNoApproval):
		h.count.refused.Add(1)
		h.problem(w, r, noApproval, "")
	case errors.Is(err, recorder.ErrStreamOnly):
		h.count.refused.Add(1)
		h.problem(w, r, streamOnly, "")
	default:
		h.failed(w, r, id, err)
	}
}

// begin writes the audit entry. Without it nothing is served.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request, permit recorder.Permit, id string, detail map[string]any) bool {
	err := permit.Begin(r.Context(), detail)
	if errors.Is(err, recorder.ErrNoApproval) || errors.Is(err, recorder.ErrStreamOnly) { // it ended since the Gate was asked
		h.denied(w, r, id, err)
		return false
	}
	if err != nil {
		h.count.unaudited.Add(1)
		h.cfg.Log.Error("playback: no audit, no byte", "recording", id, "err", err)
		h.problem(w, r, unaudited, "")
		return false
	}
	return true
}

// failed answers an error that is not the asker's.
func (h *Handler) failed(w http.ResponseWriter, r *http.Request, id string, err error) {
	switch {
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return // nobody is there any more
	case errors.Is(err, evidence.ErrUnlogged):
		h.cfg.Log.Error("playback: the audit log does not know the recording as it is stored", "recording", id)
		h.problem(w, r, unlogged, "")
	case errors.Is(err, evidence.ErrTooLarge):
		h.problem(w, r, tooLarge, "")
	case errors.Is(err, recorder.ErrIntegrity), errors.Is(err, objstore.ErrNotFound):
		h.count.integrity.Add(1)
		h.cfg.Log.Error("playback: recording is not what was stored", "recording", id, "err", err)
		h.problem(w, r, altered, "")
	case errors.Is(err, seal.ErrNoKey):
		h.cfg.Log.Error("playback: vault identity is not here", "recording", id)
		h.problem(w, r, noKey, "")
	case errors.Is(err, seal.ErrUnavailable):
		h.cfg.Log.Error("playback: keeper of the vault's key", "recording", id, "err", err)
		w.Header().Set("Retry-After", "15")
		h.problem(w, r, keyAway, "")
	case errors.Is(err, seal.ErrRefused):
		h.cfg.Log.Error("playback: keeper of the vault's key", "recording", id, "err", err)
		h.problem(w, r, keyRefused, "")
	default:
		h.cfg.Log.Error("playback", "recording", id, "err", err)
		h.problem(w, r, unavailable, "")
	}
}
