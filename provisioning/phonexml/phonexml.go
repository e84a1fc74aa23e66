// Package phonexml owns the shared directory, and the call history of a telephone's own extension, as the XML documents that telephones read over HTTPS.
// The directory is read from memory. It answers nobody who has not proved an account, and never over an open connection from another machine. It keeps no
// password and writes nothing.
package phonexml

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"naisen/provisioning"
	"naisen/provisioning/book"
)

// Directory is what the handler reads; from memory.
type Directory interface {
	// BookLogin is how an account reads its domain's directory; false: no such account, or another secret.
	BookLogin(domain, account string, secret []byte) (book.Viewer, bool)
	// Book of a domain.
	Book(domain string) *book.Book
	Domain(domain string) (provisioning.Domain, bool)
	// BookExtension is the extension that an account is bound to; false: none.
	BookExtension(domain, account string) (string, bool)
	// Named is who has a number, as v may see it.
	Named(domain, number string, v book.Viewer) (*book.Entry, bool)
}

// Records are finished calls. provisioning.ErrNotFound: the page before is gone.
type Records func(ctx context.Context, domain string, q provisioning.CDRQuery) ([]provisioning.CDR, error)

// Pattern is where the handler is mounted: GET with an account by HTTP Basic (RFC 7617). ?q= searches, ?row= is a row of the gojūon, ?limit= and
// ?after= page.
const Pattern = "GET /phonebook/{domain}/{format}"

// HistoryPattern is where the handler is mounted too: the calls of the extension to which the account is bound, of one part (missed, received, placed,
// elsewhere), the newest first. ?limit= and ?after= page.
const HistoryPattern = Pattern + "/{part}"

// Handler answers telephones.
type Handler struct {
	now     func() Directory
	records Records
	log     *slog.Logger
	bad     *book.Guesses
}

// New makes a handler of the directory as it is when asked. guesses is shared with other ways to the directory; nil: its own.
func New(now func() Directory, records Records, guesses *book.Guesses, log *slog.Logger) *Handler {
	if log == nil {
		log = slog.Default()
	}
	if guesses == nil {
		guesses = &book.Guesses{}
	}
	return &Handler{now: now, records: records, log: log, bad: guesses}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := addressOf(r)
	if r.TLS == nil && !from.IsLoopback() { // a secret that others could hear is not asked for
		http.Error(w, "TLS is needed", http.StatusForbidden)
		return
	}
	v, status := h.proves(r, from)
	switch status {
	case http.StatusOK:
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "60")
		http.Error(w, "", status)
		return
	default:
		w.Header().Set("WWW-Authenticate", `Basic realm="phonebook", charset="UTF-8"`)
		http.Error(w, "", status)
		return
	}
	f, ok := formats[strings.TrimSuffix(r.PathValue("format"), ".xml")]
	if !ok {
		http.Error(w, "", http.StatusNotFound)
		return
	}
	page, err := h.list(r, f, v)
	switch {
	case errors.Is(err, errNoExtension):
		http.Error(w, "the account belongs to no extension", http.StatusForbidden)
		return
	case errors.Is(err, provisioning.ErrNotFound):
		http.Error(w, "the page before is no more", http.StatusNotFound)
		return
	case errors.Is(err, errQuery):
		http.Error(w, "query is not understood", http.StatusBadRequest)
		return
	case err != nil:
		h.log.Error("phonexml: read", "err", err)
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	var b bytes.Buffer
	if err := f.text.Execute(&b, page); err != nil {
		h.log.Error("phonexml: write", "err", err)
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = w.Write(b.Bytes()) // the telephone is gone
}

// proves tells 200, 401 or 429. Wrong secrets are told to wait after a while, a right one never: it has 128 random bits, and a telephone
// with an old one may stand behind the same address.
func (h *Handler) proves(r *http.Request, from netip.Addr) (book.Viewer, int) {
	account, secret, ok := r.BasicAuth()
	if !ok || account == "" || secret == "" || len(account) > 128 || len(secret) > 256 {
		return book.Viewer{}, http.StatusUnauthorized
	}
	domain := strings.ToLower(r.PathValue("domain"))
	v, ok := h.now().BookLogin(domain, account, []byte(secret))
	if !ok {
		if h.bad.Wrong(from, domain, account) {
			return book.Viewer{}, http.StatusTooManyRequests
		}
		h.log.Warn("phonexml: wrong secret, or no such account", "from", from)
		return book.Viewer{}, http.StatusUnauthorized
	}
	return v, http.StatusOK
}

func addressOf(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// page is what a template is given.
type page struct {
	Title   string
	Entries []entry
	Next    string // URL of the next page; empty: there is none
}

type entry struct {
	Index                      int
	Name, Family, Given        string
	Reading, Department, Email string
	Numbers                    []number
}

type number struct{ Kind, Number string }

// Errors of a request.
var (
	errQuery       = errors.New("phonexml: query is not understood")
	errNoExtension = errors.New("phonexml: the account belongs to no extension")
)

// list is what the path asks for.
func (h *Handler) list(r *http.Request, f format, v book.Viewer) (page, error) {
	limit := f.limit
	if s := r.URL.Query().Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return page{}, errQuery
		}
		limit = min(n, f.limit)
	}
	if r.PathValue("part") != "" {
		return h.history(r, limit, v)
	}
	return h.people(r, limit, v)
}

func (h *Handler) people(r *http.Request, limit int, v book.Viewer) (page, error) {
	ask := r.URL.Query()
	q := book.Query{Text: ask.Get("q"), Row: ask.Get("row"), After: ask.Get("after"), Limit: limit}
	found, err := h.now().Book(strings.ToLower(r.PathValue("domain"))).Search(q, v)
	switch {
	case errors.Is(err, provisioning.ErrNotFound):
		return page{}, err
	case err != nil:
		return page{}, errQuery
	}
	p := page{Title: "電話帳"}
	for i, e := range found.Entries {
		p.Entries = append(p.Entries, entryOf(i+1, e))
	}
	p.Next = next(r, found.Next, limit)
	return p, nil
}

// next is the URL of the page after a key; empty: there is none.
func next(r *http.Request, after string, limit int) string {
	if after == "" {
		return ""
	}
	q := url.Values{"after": {after}, "limit": {strconv.Itoa(limit)}}
	for _, key := range []string{"q", "row"} {
		if s := r.URL.Query().Get(key); s != "" {
			q.Set(key, s)
		}
	}
	to := r.URL.EscapedPath() + "?" + q.Encode()
	if r.TLS != nil {
		to = "https://" + r.Host + to
	}
	return to
}

func entryOf(i int, e *book.Entry) entry {
	out := entry{Index: i, Name: e.Name, Reading: e.Reading, Department: e.Department, Email: e.Email}
	out.Family, out.Given, _ = strings.Cut(strings.ReplaceAll(e.Name, "\u3000", " "), " ")
	out.Given = strings.TrimSpace(out.Given)
	for _, n := range e.Numbers {
		out.Numbers = append(out.Numbers, number{n.Kind, book.Dialled(n.Number)})
	}
	return out
}
