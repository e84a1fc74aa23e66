package playback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/evidence"
	"naisen/recorder/unseal"
)

// maxOrder bounds the body that asks for a pack.
const maxOrder = 128 << 10

// order is that body.
type order struct {
	Purpose    string               `json:"purpose"`
	Redactions []evidence.Redaction `json:"redactions"`
}

// export answers with an evidence pack. The order is that of playing: Gate, audit entry, proof, first byte; and since the entry is written before the
// extract of the audit log is made, the pack says itself who got it.
func (h *Handler) export(w http.ResponseWriter, r *http.Request) {
	row, permit, ok := h.find(w, r, recorder.Export)
	if !ok {
		return
	}
	if !h.playable(w, r, row) {
		return
	}
	q, err := readOrder(http.MaxBytesReader(w, r.Body, maxOrder))
	if err == nil {
		err = q.Check(row.Duration)
	}
	var invalid *evidence.Invalid
	if errors.As(err, &invalid) {
		h.problem(w, r, badOrder, invalid.Field+" "+invalid.Reason, "field", invalid.Field)
		return
	}
	select {
	case h.packs <- struct{}{}:
		defer func() { <-h.packs }()
	default:
		w.Header().Set("Retry-After", "60")
		h.problem(w, r, busy, "")
		return
	}
	silenced := int64(0)
	for _, c := range q.Redactions {
		silenced += c.ToMS - c.FromMS
	}
	detail := map[string]any{"recording": row.ID, "part": "evidence", "purpose": q.Purpose, "redactions": len(q.Redactions), "silenced_ms": silenced}
	if !h.begin(w, r, permit, row.ID, detail) {
		return
	}
	q.By = permit.Terms().Listener
	pack, err := h.prepare(r.Context(), row, q)
	if err != nil {
		permit.Done(recorder.Served{}, err)
		if errors.As(err, &invalid) {
			h.problem(w, r, badOrder, invalid.Field+" "+invalid.Reason, "field", invalid.Field)
			return
		}
		h.failed(w, r, row.ID, err)
		return
	}
	defer pack.Close()
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="`+row.ID+`.evidence.zip"`)
	w.Header().Set("Content-Length", strconv.FormatInt(pack.Size(), 10))
	ctx, _, stop := h.watch(w, r, permit)
	defer stop()
	out := &meter{ResponseWriter: w, ctx: ctx, stall: h.stall, recheck: h.recheck, permit: permit}
	_, err = pack.WriteTo(out)
	h.count.exports.Add(1)
	permit.Done(recorder.Served{Bytes: out.n}, err)
	if err != nil {
		h.cfg.Log.Error("playback: evidence pack interrupted", "recording", row.ID, "err", err)
		panic(http.ErrAbortHandler) // what came so far is no pack, and must not look like one
	}
}

// maxPacks bounds the packs under way. Whoever orders one more comes again: it costs the processor as much as hours of listening.
const maxPacks = 4

// prepare makes one pack after the other: the calls of this machine come first.
func (h *Handler) prepare(ctx context.Context, row catalogue.Row, q evidence.Request) (*evidence.Pack, error) {
	select {
	case h.making <- struct{}{}:
		defer func() { <-h.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return h.cfg.Packs.Prepare(unseal.WithListener(ctx, q.By), row, q)
}

// readOrder is strict: a misspelt redaction would not be one.
func readOrder(body io.Reader) (q evidence.Request, err error) {
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	var o order
	if err := d.Decode(&o); err != nil {
		return q, &evidence.Invalid{Field: "body", Reason: fmt.Sprintf("is not the JSON of an order: %.100s", err)}
	}
	if _, err := d.Token(); err != io.EOF {
		return q, &evidence.Invalid{Field: "body", Reason: "goes on behind its end"}
	}
	return evidence.Request{Purpose: o.Purpose, Redactions: o.Redactions}, nil
}
