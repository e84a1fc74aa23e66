package playback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/unseal"
	"naisen/recorder/watermark"
)

// details is one recording with what its sealed manifest says.
type details struct {
	item
	Manifest *recorder.Manifest `json:"manifest,omitempty"`
}

// show answers with the row and, once it is stored, the manifest.
func (h *Handler) show(w http.ResponseWriter, r *http.Request) {
	row, permit, ok := h.find(w, r, recorder.List)
	if !ok {
		return
	}
	if !h.begin(w, r, permit, row.ID, map[string]any{"recording": row.ID, "part": "manifest"}) {
		return
	}
	d := details{item: itemOf(row)}
	if row.State == recorder.Stored {
		m, err := h.opener.Manifest(r.Context(), row)
		if err != nil {
			permit.Done(recorder.Served{}, err)
			h.failed(w, r, row.ID, err)
			return
		}
		m.Peaks = nil // sealed, and for nobody here
		d.Manifest = &m
	}
	h.count.shows.Add(1)
	n, err := h.json(w, d)
	permit.Done(recorder.Served{Bytes: n}, err)
}

// peaks answers with the waveform, to whom may hear the recording now.
func (h *Handler) peaks(w http.ResponseWriter, r *http.Request) {
	row, permit, ok := h.find(w, r, recorder.Look)
	if !ok || !h.playable(w, r, row) {
		return
	}
	if !h.begin(w, r, permit, row.ID, map[string]any{"recording": row.ID, "part": "peaks"}) {
		return
	}
	m, p, err := h.opener.Waveform(unseal.WithListener(r.Context(), permit.Terms().Listener), row)
	if err != nil {
		permit.Done(recorder.Served{}, err)
		h.failed(w, r, row.ID, err)
		return
	}
	if p == nil {
		permit.Done(recorder.Served{}, recorder.ErrNotFound)
		h.problem(w, r, noPeaks, "")
		return
	}
	n, err := h.json(w, map[string]any{"recording": row.ID, "duration_ms": m.DurationMS, "step_us": p.StepUS, "left": numbers(p.Left), "right": numbers(p.Right)})
	permit.Done(recorder.Served{Bytes: n}, err)
}

// numbers is bytes as JSON has numbers.
func numbers(b []byte) []int {
	out := make([]int, len(b))
	for i, v := range b {
		out[i] = int(v)
	}
	return out
}

// part is what of a recording is listened to.
type part struct {
	name string // in the audit entry and in the file's name
	open func(context.Context, catalogue.Row) (io.ReaderAt, int64, io.Closer, error)
}

// audio streams the stereo copy.
func (h *Handler) audio(w http.ResponseWriter, r *http.Request) {
	h.play(w, r, part{"audio", h.opener.Open})
}

// track streams the voice of one party. Who may listen to a recording may listen to each of its parts, and to which is in the audit log.
func (h *Handler) track(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.ParseUint(r.PathValue("track"), 10, 8)
	if err != nil {
		number = 0 // there is none; who may not know of the recording learns no more of it by that
	}
	h.play(w, r, part{fmt.Sprintf("track-%02d", number), func(ctx context.Context, row catalogue.Row) (io.ReaderAt, int64, io.Closer, error) {
		return h.opener.Track(ctx, row, int(number))
	}})
}

// play serves a part. The order is the point: Gate, audit entry, proof of the whole sealed object, mark, first byte.
func (h *Handler) play(w http.ResponseWriter, r *http.Request, what part) {
	action := recorder.Listen
	if r.URL.Query().Get("download") == "1" {
		action = recorder.Download
	}
	row, permit, ok := h.find(w, r, action)
	if !ok {
		return
	}
	if !h.playable(w, r, row) {
		return
	}
	marker, err := h.cfg.Marker(r.Context())
	if err != nil { // nothing leaves without the name of who hears it
		h.failed(w, r, row.ID, err)
		return
	}
	asked, id := r.Header.Get("Range"), marker.ID(h.listenings.of(permit.Terms().Listener, row, h.cfg.Now()))
	if !h.begin(w, r, permit, row.ID, map[string]any{"recording": row.ID, "part": what.name, "range": asked[:min(len(asked), 100)], "method": r.Method,
		"watermark": id.String()}) {
		return
	}
	plain, size, closer, err := what.open(unseal.WithListener(r.Context(), permit.Terms().Listener), row)
	if errors.Is(err, recorder.ErrNotFound) {
		permit.Done(recorder.Served{}, err)
		h.problem(w, r, notFound, "")
		return
	}
	if err != nil {
		permit.Done(recorder.Served{}, err)
		h.failed(w, r, row.ID, err)
		return
	}
	defer closer.Close()
	marked, err := marker.Copy(plain, size, id)
	if err != nil {
		permit.Done(recorder.Served{}, err)
		h.failed(w, r, row.ID, err)
		return
	}
	h.stream(w, r, row, permit, what, id, marked, size)
}

// playable says whether a recording can be listened to now, and answers where it cannot.
func (h *Handler) playable(w http.ResponseWriter, r *http.Request, row catalogue.Row) bool {
	switch row.State {
	case recorder.Stored:
		return true
	case recorder.Failed:
		h.problem(w, r, gone, row.Problem, "state", row.State)
	default:
		w.Header().Set("Retry-After", "5")
		h.problem(w, r, notStored, "", "state", row.State)
	}
	return false
}

// stream sends the listener's copy of what was proved.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, row catalogue.Row, permit recorder.Permit, what part, id watermark.ID, copied io.ReaderAt, size int64) {
	h.count.plays.Add(1)
	sound, err := readWave(copied, size)
	if err != nil && !errors.Is(err, errNoWave) {
		permit.Done(recorder.Served{}, err)
		h.failed(w, r, row.ID, err)
		return
	}
	ctx, lost, stop := h.watch(w, r, permit)
	defer stop()
	body := &watchedReader{ReadSeeker: io.NewSectionReader(copied, 0, size)}
	out := &meter{ResponseWriter: w, ctx: ctx, stall: h.stall, recheck: h.recheck, permit: permit, sound: sound, unsatisfied: func() {
		w.Header().Set("Cache-Control", "no-store")
		h.problem(w, r, badRange, "")
	}}
	name := row.ID
	if what.name != "audio" {
		name += "." + what.name
	}
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("ETag", tag(row, what, id))
	w.Header().Set("Content-Disposition", "inline")
	if permit.Terms().Whole {
		w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.wav"`)
	} else {
		out.budget = h.pacer.of(permit.Terms().Listener)
	}
	if asked := r.Header.Get("Range"); strings.Contains(asked, ",") || !strings.HasPrefix(asked, "bytes=") {
		r.Header.Del("Range") // another unit is ignored, and many ranges would be as many requests to the store (RFC 9110 section 14.2)
	}
	http.ServeContent(out, r, "", time.Time{}, body)
	out.revoked = out.revoked || lost()
	h.count.bytes.Add(out.n)
	served := recorder.Served{Bytes: out.n}
	if out.n > 0 {
		served.FromMS, served.ToMS = sound.span(body.from, body.from+out.n)
	}
	permit.Done(served, errors.Join(body.err, out.err))
	if out.revoked {
		h.count.revoked.Add(1)
	}
	if body.err != nil || out.revoked {
		// The store failed or changed under us in the middle, or the right ended: cut the connection, so that the listener does not take it for the end.
		h.cfg.Log.Error("playback: interrupted", "recording", row.ID, "revoked", out.revoked, "err", body.err)
		panic(http.ErrAbortHandler)
	}
}

// tag tells copies apart: parts of two listenings, which have other marks, never make one file (RFC 9110 section 13.1.5).
func tag(row catalogue.Row, what part, id watermark.ID) string {
	return `"` + row.SealedSHA256[:min(len(row.SealedSHA256), 32)] + "." + what.name + "." + id.String() + `"`
}

// watchedReader remembers where reading began and why it failed: http.ServeContent does not say.
type watchedReader struct {
	io.ReadSeeker
	from int64 // of the first byte that is read
	err  error
}

// Seek is to the beginning of the range before the first Read.
func (r *watchedReader) Seek(offset int64, whence int) (int64, error) {
	at, err := r.ReadSeeker.Seek(offset, whence)
	r.from = at
	return at, err
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.ReadSeeker.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}
