// Package scim owns the SCIM 2.0 server (RFC 7643, RFC 7644): its resources, filters, patches, bulk jobs and refusals, and who may talk it. What becomes of a
// person is the lifecycle's; it gives nobody anything by itself, and knows no password of anybody.
package scim

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"naisen/provisioning"
	"naisen/provisioning/lifecycle"
)

// Pattern is where the server stands.
const Pattern = "/scim/v2/{domain}/{rest...}"

// Config is what the server needs. Store is required.
type Config struct {
	Store provisioning.Store
	Clock func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: slog.Default
	// Rate bounds the requests of one client, per second, and twice as many at once; each operation of a bulk job is one. 0: 100.
	Rate float64
}

// Bounds of a request.
const (
	maxBody   = 1 << 20
	bodyTime  = 10 * time.Second
	opTime    = 30 * time.Second
	bulkTime  = 2 * time.Minute
	maxToken  = 256
	maxClient = 1000 // limiters that are kept
)

type server struct {
	Config
	views  views
	engine lifecycle.Engine

	mu     sync.Mutex
	limits map[string]*rate.Limiter // by domain and client
	denied *rate.Limiter            // refusals that are written down
}

// New is the server as a handler for Pattern. It starts no goroutine.
func New(cfg Config) (http.Handler, error) {
	if cfg.Store == nil {
		return nil, errors.New("scim: Store is needed")
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Rate <= 0 {
		cfg.Rate = 100
	}
	return &server{Config: cfg, limits: map[string]*rate.Limiter{}, denied: rate.NewLimiter(5, 20)}, nil
}

// client is a Provisioner that has shown its secret.
type client struct{ domain, name string }

func (c client) base() string { return "/scim/v2/" + url.PathEscape(c.domain) }

// subject is who the audit log names. Its user is nobody's, so it has no rights elsewhere.
func (c client) subject() provisioning.Subject {
	who, _, _ := strings.Cut(provisioning.Provisioner{Name: c.name}.By(c.domain), "@")
	return provisioning.Subject{Domain: c.domain, User: who, Client: c.name}
}

// request is one operation, alone or of a bulk job.
type request struct {
	method      string
	endpoint    string // "Users"
	id          string
	query       url.Values
	body        []byte
	match, none string // If-Match, If-None-Match
}

// answer is what comes of it.
type answer struct {
	status         int
	body           map[string]any
	location, etag string
}

// holds says whether If-Match is fulfilled. A weak tag is what we give, so it is compared as it stands (RFC 7644 section 3.14).
func (q request) holds(tag string) bool { return q.match == "" || listed(q.match, tag) }

func listed(header, tag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimSpace(part)
		if part == "*" || part == tag || part == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// resource reads a whole one.
func (q request) resource(t *resourceType) (document, *fault) {
	var m map[string]any
	if json.Unmarshal(q.body, &m) != nil || m == nil {
		return nil, bad(invalidSyntax, "the body is no JSON object")
	}
	return t.accept(m)
}

// operations reads those of a PATCH.
func (q request) operations() ([]operation, *fault) {
	var m struct {
		Operations []operation `json:"Operations"`
	}
	if json.Unmarshal(q.body, &m) != nil {
		return nil, bad(invalidSyntax, "the body is no PatchOp")
	}
	return m.Operations, nil
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	c, err := s.client(r)
	if err != nil {
		s.fail(r, w, err)
		return
	}
	endpoint, id, more := cutPath(r.PathValue("rest"))
	if more {
		s.fail(r, w, noResource())
		return
	}
	if !s.allow(c, 1) {
		h.Set("Retry-After", "1")
		s.fail(r, w, &fault{http.StatusTooManyRequests, "", "too many requests"})
		return
	}
	body, err := readBody(w, r)
	if err != nil {
		s.fail(r, w, err)
		return
	}
	q := request{method: r.Method, endpoint: endpoint, id: id, query: r.URL.Query(), body: body, match: r.Header.Get("If-Match"), none: r.Header.Get("If-None-Match")}
	within := opTime
	if endpoint == "Bulk" {
		within = bulkTime
	}
	ctx, cancel := context.WithTimeout(r.Context(), within)
	defer cancel()
	a, err := s.do(ctx, c, q)
	if err != nil {
		s.fail(r, w, err)
		return
	}
	a.send(w)
}

func (a answer) send(w http.ResponseWriter) {
	if a.etag != "" {
		w.Header().Set("ETag", a.etag)
	}
	if a.location != "" {
		w.Header().Set("Location", a.location)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	write(w, a.status, a.body)
}

// cutPath splits Users/ID.
func cutPath(rest string) (endpoint, id string, more bool) {
	endpoint, id, _ = strings.Cut(strings.Trim(rest, "/"), "/")
	return endpoint, id, strings.Contains(id, "/")
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodDelete {
		return nil, nil
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if kind = strings.TrimSpace(strings.ToLower(kind)); kind != contentType && kind != "application/json" {
		return nil, refused(http.StatusUnsupportedMediaType)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // a test's recorder has none
	defer func() { _ = http.NewResponseController(w).SetReadDeadline(time.Time{}) }()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, &fault{http.StatusRequestEntityTooLarge, "", "a body has at most " + strconv.Itoa(maxBody) + " bytes"}
	}
	if err != nil {
		return nil, bad(invalidSyntax, "the body was not sent")
	}
	return body, nil
}

// fail answers with a refusal; what is no client's fault is told to the log alone.
func (s *server) fail(r *http.Request, w http.ResponseWriter, err error) {
	f := faultOf(err)
	if f == nil {
		s.Log.ErrorContext(r.Context(), "scim: request failed", "err", err)
		f = refused(http.StatusInternalServerError)
	}
	if f.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "10")
	}
	if f.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="naisen"`)
	}
	write(w, f.status, f.body())
}

// client says who asks. A domain that is not there, another domain's secret and a wrong one are answered alike.
func (s *server) client(r *http.Request) (client, error) {
	domain := r.PathValue("domain")
	token, ok := bearer(r.Header.Get("Authorization"))
	if !ok {
		return client{}, refused(http.StatusUnauthorized)
	}
	proof := provisioning.ProvisionerProof(token)
	name := ""
	err := s.Store.View(r.Context(), func(rd provisioning.Reader) error {
		kept, err := rd.Secrets(domain, provisioning.SecretProvisioner)
		if err != nil {
			return err
		}
		for n, k := range kept { // all of them, so that the time tells nothing
			if subtle.ConstantTimeCompare(k, proof) == 1 {
				name = n
			}
		}
		p, _, err := provisioning.Get[provisioning.Provisioner](rd, domain, name)
		if errors.Is(err, provisioning.ErrNotFound) || p.Disabled || !p.Expires.IsZero() && !s.Clock().Before(p.Expires) {
			name, err = "", nil
		}
		return err
	})
	if err != nil {
		return client{}, err
	}
	if name == "" {
		if s.denied.Allow() {
			s.Log.WarnContext(r.Context(), "scim: token refused")
		}
		return client{}, refused(http.StatusUnauthorized)
	}
	return client{domain, name}, nil
}

func bearer(header string) (string, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= maxToken
}

// allow counts requests of a client.
func (s *server) allow(c client, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := c.domain + "\x00" + c.name
	l := s.limits[key]
	if l == nil {
		if len(s.limits) >= maxClient {
			clear(s.limits)
		}
		l = rate.NewLimiter(rate.Limit(s.Rate), int(2*s.Rate))
		s.limits[key] = l
	}
	return l.AllowN(s.Clock(), n)
}

// do is one request to one endpoint.
func (s *server) do(ctx context.Context, c client, q request) (answer, error) {
	switch q.endpoint {
	case "Users", "Groups":
		return s.resource(ctx, c, q)
	case "Bulk":
		if q.method == http.MethodPost && q.id == "" {
			return s.bulk(ctx, c, q)
		}
	case "Me":
		return answer{}, refused(http.StatusNotImplemented) // a client of programs is nobody (RFC 7644 section 3.11)
	case ".search":
		if q.method == http.MethodPost && q.id == "" {
			return answer{}, refused(http.StatusNotImplemented) // over all resources at once
		}
	default:
		if q.method == http.MethodGet {
			return discover(c, q)
		}
	}
	return answer{}, s.noWay(q)
}

// noWay is what an endpoint does not do.
func (s *server) noWay(q request) error {
	if slices.Contains([]string{"Users", "Groups", "Bulk", "Schemas", "ResourceTypes", "ServiceProviderConfig"}, q.endpoint) {
		return refused(http.StatusMethodNotAllowed)
	}
	return noResource()
}

// resource is a request to users or groups.
func (s *server) resource(ctx context.Context, c client, q request) (answer, error) {
	type verb = func(context.Context, client, request) (answer, error)
	verbs := map[string]verb{"GET": s.get, "PUT": s.replaceUser, "PATCH": s.patchUser, "DELETE": s.deleteUser}
	create := s.createUser
	if q.endpoint == "Groups" {
		verbs, create = map[string]verb{"GET": s.get, "PUT": s.replaceGroup, "PATCH": s.patchGroup, "DELETE": s.deleteGroup}, s.createGroup
	}
	switch {
	case q.id == "" && q.method == http.MethodPost:
		return create(ctx, c, q)
	case q.id == "" && q.method == http.MethodGet:
		search, f := searchOf(q.query)
		if f != nil {
			return answer{}, f
		}
		return s.list(ctx, c, q.endpoint, search)
	case q.id == ".search" && q.method == http.MethodPost:
		var search search
		if json.Unmarshal(q.body, &search) != nil {
			return answer{}, bad(invalidSyntax, "the body is no SearchRequest")
		}
		return s.list(ctx, c, q.endpoint, search)
	case q.id != "" && verbs[q.method] != nil:
		return verbs[q.method](ctx, c, q)
	}
	return answer{}, refused(http.StatusMethodNotAllowed)
}
