package playback

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
)

const (
	maxPage  = 200
	maxField = 250 // bytes of a query field
)

// item is a recording in a list.
type item struct {
	ID          string           `json:"id"`
	Domain      string           `json:"domain"`
	Call        string           `json:"call"`
	Number      string           `json:"number"`
	Groups      []string         `json:"groups,omitempty"`
	Cases       []string         `json:"cases,omitempty"`
	Direction   string           `json:"direction"`
	Parties     []recorder.Party `json:"parties"`
	Started     time.Time        `json:"started"`
	Ended       *time.Time       `json:"ended,omitempty"`
	DurationMS  int64            `json:"duration_ms"`
	State       recorder.State   `json:"state"`
	Interrupted bool             `json:"interrupted,omitempty"`
	Format      string           `json:"format,omitempty"`
	AudioBytes  int64            `json:"audio_bytes,omitempty"`
	Dropped     int64            `json:"dropped,omitempty"`
	Lost        int64            `json:"lost,omitempty"`
	Label       recorder.Label   `json:"label"`
	RetainUntil *time.Time       `json:"retain_until,omitempty"`
	Problem     string           `json:"problem,omitempty"`
}

func itemOf(r catalogue.Row) item {
	var cases []string
	for _, c := range r.Cases {
		cases = append(cases, c.Name)
	}
	return item{ID: r.ID, Domain: r.Domain, Call: r.Call, Number: r.Number, Groups: r.Groups, Cases: cases, Direction: r.Direction, Parties: r.Parties, Started: r.Started,
		Ended: optional(r.Ended), DurationMS: r.Duration.Milliseconds(), State: r.State, Interrupted: r.Interrupted, Format: r.Format,
		AudioBytes: r.AudioBytes, Dropped: r.Dropped, Lost: r.Lost, Label: r.Label, RetainUntil: optional(r.RetainUntil), Problem: r.Problem}
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// list answers with the recordings that the asker may know of. What that is goes into the question itself: what is not in it leaves no trace in the
// answer, in its pages or in the time that it takes.
func (h *Handler) list(w http.ResponseWriter, r *http.Request) {
	scope, permit, denied := h.cfg.Gate.Scope(r, r.PathValue("domain"))
	if denied != nil {
		h.denied(w, r, "", denied)
		return
	}
	q, err := h.query(r)
	if err != nil {
		h.problem(w, r, badQuery, err.Error())
		return
	}
	q.Scope = scope
	rows, after, err := h.cfg.Catalogue.Search(r.Context(), q)
	if err != nil {
		h.failed(w, r, "", err)
		return
	}
	found, ids, next := make([]item, 0, len(rows)), make([]string, 0, len(rows)), ""
	for _, row := range rows {
		found, ids = append(found, itemOf(row)), append(ids, row.ID)
	}
	if after != 0 {
		next = h.cursors.seal(q.Domain, after)
	}
	if !h.begin(w, r, permit, "", map[string]any{"query": r.URL.Query(), "recordings": ids}) {
		return
	}
	h.count.lists.Add(1)
	n, err := h.json(w, map[string]any{"recordings": found, "next": next})
	permit.Done(recorder.Served{Bytes: n}, err)
}

// query reads the filter; unknown and repeated fields are errors, so that a typo does not list everything.
func (h *Handler) query(r *http.Request) (catalogue.Search, error) {
	q := catalogue.Search{Domain: r.PathValue("domain"), Limit: 50}
	fields, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, errors.New("malformed query")
	}
	texts := map[string]*string{"number": &q.Number, "party": &q.Party, "name": &q.Name, "group": &q.Group, "note": &q.Note, "case": &q.Case}
	for name, values := range fields {
		if len(values) != 1 || len(values[0]) > maxField {
			return q, fmt.Errorf("%.20q: once, and at most %d bytes", name, maxField)
		}
		if text := texts[name]; text != nil {
			*text = values[0]
			continue
		}
		if err := h.field(&q, name, values[0]); err != nil {
			return q, fmt.Errorf("%.20q is not valid", name)
		}
	}
	return q, nil
}

// field reads one that is no text.
func (h *Handler) field(q *catalogue.Search, name, v string) (err error) {
	switch name {
	case "state":
		q.State = recorder.State(v)
	case "label":
		if q.Label = recorder.Label(v); q.Label.Or() != q.Label {
			err = errors.New("unknown")
		}
	case "from":
		q.From, err = time.Parse(time.RFC3339, v)
	case "to":
		q.To, err = time.Parse(time.RFC3339, v)
	case "limit":
		q.Limit, err = strconv.Atoi(v)
		if err == nil && (q.Limit < 1 || q.Limit > maxPage) {
			err = errors.New("out of range")
		}
	case "cursor":
		q.After, err = h.cursors.open(q.Domain, v)
	default:
		err = errors.New("unknown")
	}
	return err
}

func (h *Handler) json(w http.ResponseWriter, v any) (int64, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return 0, err
	}
	w.Header().Set("Content-Type", "application/json")
	n, err := w.Write(text)
	return int64(n), err
}

// cursors encrypts cursors, which are places in the domain's whole catalogue. The key lives as long as the process.
type cursors struct{ aead cipher.AEAD }

func newCursors() (cursors, error) {
	var key [32]byte
	rand.Read(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return cursors{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return cursors{aead}, err
}

func (c cursors) seal(domain string, place int64) string {
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nil, nil, binary.BigEndian.AppendUint64(nil, uint64(place)), []byte(domain)))
}

func (c cursors) open(domain, s string) (int64, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return 0, err
	}
	text, err := c.aead.Open(nil, nil, sealed, []byte(domain))
	if err != nil || len(text) != 8 {
		return 0, errors.Join(err, errors.New("no cursor"))
	}
	return int64(binary.BigEndian.Uint64(text)), nil
}
