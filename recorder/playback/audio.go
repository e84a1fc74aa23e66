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
			permit.Done(0, err)
			h.failed(w, r, row.ID, err)
			return
		}
		d.Manifest = &m
	}
	h.count.shows.Add(1)
	n, err := h.json(w, d)
	permit.Done(n, err)
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

// play streams a part. The order is the point: Gate, audit entry, proof of the whole sealed object, first byte.
func (h *Handler) play(w http.ResponseWriter, r *http.Request, what part) {
	row, permit, ok := h.find(w, r, recorder.Listen)
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
		permit.Done(0, err)
		h.problem(w, r, notFound, "")
		return
	}
	if err != nil {
		permit.Done(0, err)
		h.failed(w, r, row.ID, err)
		return
	}
	defer closer.Close()
	marked, err := marker.Copy(plain, size, id)
	if err != nil {
		permit.Done(0, err)
		h.failed(w, r, row.ID, err)
		return
	}
	h.stream(w, r, row, permit, what, id, io.NewSectionReader(marked, 0, size))
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
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, row catalogue.Row, permit recorder.Permit, what part, id watermark.ID, copied io.ReadSeeker) {
	asked := r.Header.Get("Range")
	h.count.plays.Add(1)
	body := &watchedReader{ReadSeeker: copied}
	out := &countedWriter{ResponseWriter: w, stall: h.stall}
	w.Header().Set("Content-Type", "audio/wav")
	name := row.ID
	if what.name != "audio" {
		name += "." + what.name
	}
	w.Header().Set("Content-Disposition", `inline; filename="`+name+`.wav"`)
	w.Header().Set("ETag", `"`+row.SealedSHA256[:min(len(row.SealedSHA256), 32)]+strings.TrimPrefix(name, row.ID)+"."+id.String()+`"`) // another listening's bytes are others
	if strings.Contains(asked, ",") {                                                                                                  // many ranges would be as many requests to the store; ignoring them is allowed (RFC 9110 section 14.2)
		r.Header.Del("Range")
	}
	http.ServeContent(out, r, "", time.Time{}, body)
	h.count.bytes.Add(out.n)
	err := errors.Join(body.err, out.err)
	permit.Done(out.n, err)
	if body.err != nil {
		// The store failed or changed under us in the middle: cut the connection, so that the listener does not take it for the end.
		h.cfg.Log.Error("playback: interrupted", "recording", row.ID, "err", body.err)
		panic(http.ErrAbortHandler)
	}
}

// watchedReader remembers why reading failed: http.ServeContent does not say.
type watchedReader struct {
	io.ReadSeeker
	err error
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.ReadSeeker.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// countedWriter counts the body bytes that went out, and gives up on a listener who takes none for a while.
type countedWriter struct {
	http.ResponseWriter
	stall time.Duration
	n     int64
	err   error
}

func (w *countedWriter) Write(p []byte) (int, error) {
	err := http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.stall))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		w.err = err
		return 0, err
	}
	n, err := w.ResponseWriter.Write(p)
	w.n += int64(n)
	if err != nil {
		w.err = err
	}
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *countedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
