package playback

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
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
	maxPage    = 200
	maxScanned = 2000 // rows looked at for one page, so that a search without results ends
	maxField   = 250  // bytes of a query field
)

// item is a recording in a list.
type item struct {
	ID          string           `json:"id"`
	Domain      string           `json:"domain"`
	Call        string           `json:"call"`
	Number      string           `json:"number"`
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
	return item{ID: r.ID, Domain: r.Domain, Call: r.Call, Number: r.Number, Direction: r.Direction, Parties: r.Parties, Started: r.Started,
		Ended: optional(r.Ended), DurationMS: r.Duration.Milliseconds(), State: r.State, Interrupted: r.Interrupted, Format: r.Format,
		AudioBytes: r.AudioBytes, Dropped: r.Dropped, Lost: r.Lost, Label: r.Label, RetainUntil: optional(r.RetainUntil), Problem: r.Problem}
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// list answers with the recordings that the asker may know of. The Gate is asked about each one; what it does not grant leaves no trace in
// the answer, not even in the cursor, which is encrypted.
func (h *Handler) list(w http.ResponseWriter, r *http.Request) {
	q, err := h.query(r)
	if err != nil {
		if _, denied := h.cfg.Gate.Permit(r, recorder.List, r.PathValue("domain"), "", ""); denied != nil {
			h.denied(w, r, "", denied)
			return
		}
		h.problem(w, r, badQuery, err.Error())
		return
	}
	permit, denied := h.cfg.Gate.Permit(r, recorder.List, q.Domain, q.Number, "")
	if denied != nil && !errors.Is(denied, recorder.ErrNotFound) {
		h.denied(w, r, "", denied)
		return
	}
	found, next, one, err := h.page(r, q)
	if err != nil {
		h.denied(w, r, "", err)
		return
	}
	if permit == nil || denied != nil { // no right to the domain's list, but perhaps to single recordings
		permit = one
	}
	if permit == nil {
		if q.After == (catalogue.Cursor{}) {
			h.denied(w, r, "", recorder.ErrNotFound)
			return
		}
		// Whoever has a cursor was granted the page before it. This one is empty and shows nothing that an audit entry could be about.
		_, _ = h.json(w, map[string]any{"recordings": found, "next": next})
		return
	}
	ids := make([]string, 0, len(found))
	for _, f := range found {
		ids = append(ids, f.ID)
	}
	if !h.begin(w, r, permit, "", map[string]any{"query": r.URL.Query(), "recordings": ids}) {
		return
	}
	h.count.lists.Add(1)
	n, err := h.json(w, map[string]any{"recordings": found, "next": next})
	permit.Done(n, err)
}

// page collects one page and the cursor behind it; one is the Gate's permit for the first recording in it.
func (h *Handler) page(r *http.Request, q catalogue.Query) (found []item, next string, one recorder.Permit, err error) {
	want := q.Limit
	found = []item{}
	var last catalogue.Cursor // of found
	q.Limit = min(max(want, 50), maxPage)
	for scanned := 0; ; {
		rows, err := h.cfg.Catalogue.List(r.Context(), q)
		if err != nil {
			return nil, "", nil, err
		}
		for _, row := range rows {
			scanned++
			q.After = catalogue.CursorOf(row)
			permit, err := h.cfg.Gate.Permit(r, recorder.List, row.Domain, row.Number, row.ID)
			if err != nil {
				if errors.Is(err, recorder.ErrNotFound) {
					continue
				}
				return nil, "", nil, err
			}
			if len(found) == want { // there is at least one more
				return found, h.cursors.seal(q.Domain, last), one, nil
			}
			if one == nil {
				one = permit
			}
			found, last = append(found, itemOf(row)), q.After
		}
		if len(rows) < q.Limit {
			return found, "", one, nil
		}
		if scanned >= maxScanned {
			return found, h.cursors.seal(q.Domain, q.After), one, nil
		}
	}
}

// query reads the filter; unknown and repeated fields are errors, so that a typo does not list everything.
func (h *Handler) query(r *http.Request) (catalogue.Query, error) {
	q := catalogue.Query{Domain: r.PathValue("domain"), Limit: 50}
	fields, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, errors.New("malformed query")
	}
	for name, values := range fields {
		if len(values) != 1 || len(values[0]) > maxField {
			return q, fmt.Errorf("%.20q: once, and at most %d bytes", name, maxField)
		}
		v := values[0]
		switch name {
		case "number":
			q.Number = v
		case "party":
			q.Party = v
		case "state":
			q.State = recorder.State(v)
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
		if err != nil {
			return q, fmt.Errorf("%.20q is not valid", name)
		}
	}
	return q, nil
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

// cursors encrypts cursors: a page may end behind a recording that the asker must not know of. The key lives as long as the process.
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

func (c cursors) seal(domain string, at catalogue.Cursor) string {
	// The id is padded so that its length does not show.
	text := fmt.Appendf(nil, "%d %-100s", at.Started, at.ID)
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nil, nil, text, []byte(domain)))
}

func (c cursors) open(domain, s string) (catalogue.Cursor, error) {
	var at catalogue.Cursor
	sealed, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return at, err
	}
	text, err := c.aead.Open(nil, nil, sealed, []byte(domain))
	if err != nil {
		return at, err
	}
	_, err = fmt.Sscan(string(text), &at.Started, &at.ID)
	return at, err
}
