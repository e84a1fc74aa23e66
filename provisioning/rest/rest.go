// Package rest owns the HTTP API: routes, request and response forms, problems (RFC 9457), ETags and the OpenAPI document.
// It has no rules of its own: who may is asked of the Policy, what is valid of the entities, what is stored of the Store.
// It never reads a token itself and never talks to the switch but through Calls.
package rest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/time/rate"

	"naisen/provisioning"
	"naisen/provisioning/live"
)

// Verifier says who sends a request. *identity.Verifier is one. Its errors may have Challenge(realm) and HTTPStatus().
type Verifier interface {
	Request(*http.Request) (provisioning.Subject, error)
}

// Passwords resets a person's password of the embedded identity service. *identity.Service is one.
type Passwords interface {
	ResetPassword(ctx context.Context, by provisioning.Subject, domain, user string) (oneTime string, err error)
}

// Enrolling is the way by which apps get their accounts.
type Enrolling interface {
	Link(domain, code string) string // what an app is given
	Reached() bool                   // apps can reach the switch
}

// PromptInfo describes one stored prompt in one language.
type PromptInfo struct {
	Name     string `json:"name" doc:"Such as notice/recording"`
	Language string `json:"language" enum:"ja,en"`
	SHA256   string `json:"sha256" doc:"Of the canonical PCM"`
	Millis   int64  `json:"millis"`
	Text     string `json:"text,omitempty"`
	Builtin  bool   `json:"builtin"`
}

// Prompts is the announcement library. Errors: provisioning.ErrNotFound, ErrInUse (a built-in one cannot be deleted),
// *provisioning.Invalid for audio that is not taken.
type Prompts interface {
	List(ctx context.Context, domain string) ([]PromptInfo, error)
	// Get opens the canonical audio as WAV; the caller closes it.
	Get(ctx context.Context, domain, name, language string) (io.ReadCloser, PromptInfo, error)
	// Put reads wav to its end, which is at most MaxPrompt bytes away, and keeps nothing of it on an error.
	Put(ctx context.Context, domain, name, language string, wav io.Reader) (PromptInfo, error)
	Delete(ctx context.Context, domain, name, language string) error
}

// MaxPrompt bounds an uploaded announcement, in bytes.
const MaxPrompt = 20 << 20

// Config is what the API needs. Store, Policy and Verifier are required.
type Config struct {
	Store     provisioning.Store
	Policy    provisioning.Policy
	Repeats   provisioning.Repeats // nil: Store, where it is one
	Verifier  Verifier
	Audit     provisioning.AuditLog    // nil: Store, which must be one
	Calls     provisioning.Calls       // nil: no operations on live calls
	Traces    provisioning.Traces      // nil: no SIP messages of calls
	Prompts   Prompts                  // nil: no operations on prompts and notices
	Speech    Speech                   // nil: the wordings of notices are uploaded
	Passwords Passwords                // nil: no password resets (an outside identity service has them)
	SignIns   SignIns                  // nil: no sessions and second factors
	Alarms    provisioning.Alarms      // nil: no list of alarms
	Limits    provisioning.LimitViewer // nil: no view of limits
	Relay     provisioning.Relay       // nil: there is no TURN relay
	Trunks    provisioning.TrunkViewer // nil: no view of trunks
	Devices   provisioning.Devices     // nil: no view of registered telephones
	Fleet     provisioning.Fleet       // nil: no view of what telephones of the inventory do
	Rollouts  provisioning.Rollouts    // nil: no files of firmware, and none is rolled out
	EnrolAt   Enrolling                // nil: no apps can be enrolled
	Live      *live.Hub                // nil: no live events
	// LiveCheck is how often a consumer's rights are looked at again; 0: 5 s.
	LiveCheck time.Duration
	// Again rings whenever rights in a domain have changed, so that consumers are looked at again at once. nil: every LiveCheck only.
	Again    *live.Bell
	Messages provisioning.Messages // nil: no operations on voice messages
	Recalls  provisioning.Recalls  // nil: nobody is rung when a colleague is free
	Queues   provisioning.Queues   // nil: no view of what queues and agents do now
	Books    Books                 // nil: no search in the shared directory
	Vault    provisioning.Vault    // nil: no operations on how long recordings are kept
	Remarks  provisioning.Remarks  // nil: no notes about recordings
	// BrokenGlass is told of a listening without an approval, when it begins and when it is reviewed; it must not block. nil: nobody is.
	BrokenGlass func(domain string, q provisioning.ListeningRequest)
	// EmergencyReviewed is told when a use of the break-glass account was reviewed; it must not block. nil: nobody is.
	EmergencyReviewed func(domain string, e provisioning.EmergencySignIn)
	// ManagerAlone is told when one person alone made a recording manager, or a new password for one; it must not block. nil: nobody is.
	ManagerAlone func(domain, manager, by string)
	AuditMonths  AuditMonths // nil: no monthly reports of the audit log
	// Refused is told of a token that is not taken, where it came from and why; it must not block. nil: nobody is.
	Refused func(source, reason string)
	// Served is told of each request when it is answered: its method, the pattern of its route, the status, and when it began and ended. It must not block.
	// nil: nobody is.
	Served func(method, route string, status int, began, ended time.Time)
	// SetChanged is told of each step of a set of changes; it must not block. nil: nobody is.
	SetChanged func(domain string, s provisioning.ChangeSet)
	WhatIf     provisioning.WhatIf // nil: sets of changes are not tried on past calls
	// Keys: nil: no operations on the keys of recordings.
	Keys provisioning.RecordingKeys
	// StepUp says nil, or how a person must sign in for the action: an error with Challenge(realm) and HTTPStatus() (RFC 9470). nil: nothing is asked.
	StepUp func(provisioning.Subject, provisioning.Action) error
	// LoopbackWebhooks lets webhooks name an address of this machine: for tests.
	LoopbackWebhooks bool
	// Ready says why the switch is not ready; nil: always ready.
	Ready func(context.Context) error
	// Mounts are other handlers on the same server, by ServeMux pattern: playback, the identity service. They get the log line, the
	// panic guard and the security headers (which they may overwrite), and nothing else: no authentication, no time limit.
	Mounts map[string]http.Handler
	// Recordings says that playback is among the mounts: its routes are then in the document.
	Recordings bool
	// Rate bounds the requests of one user and client, per second; 0: 50 with a burst of 100.
	Rate    float64
	Version string           // of the API document; "": "1"
	Clock   func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: slog.Default
}

// api is the handler's state.
type api struct {
	Config
	huma   huma.API
	mux    *http.ServeMux
	limits *limits
	denied *rate.Limiter // denied attempts that are written to the audit log

	importing chan struct{} // has room for whose file is read
}

// New builds the API. It starts no goroutine.
func New(cfg Config) (http.Handler, error) {
	a, err := build(cfg)
	if err != nil {
		return nil, err
	}
	return a.handler(), nil
}

func build(cfg Config) (*api, error) {
	if cfg.Audit == nil {
		cfg.Audit, _ = cfg.Store.(provisioning.AuditLog)
	}
	if cfg.Repeats == nil {
		cfg.Repeats, _ = cfg.Store.(provisioning.Repeats)
	}
	if cfg.Store == nil || cfg.Audit == nil || cfg.Policy == nil || cfg.Verifier == nil {
		return nil, errors.New("rest: Store, an audit log, Policy and Verifier are needed")
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Rate <= 0 {
		cfg.Rate = 50
	}
	if cfg.Version == "" {
		cfg.Version = "1"
	}
	a := &api{Config: cfg, mux: http.NewServeMux(), limits: newLimits(cfg.Rate), denied: rate.NewLimiter(5, 100), importing: make(chan struct{}, 1)}
	a.huma = humago.New(a.mux, a.humaConfig())
	a.huma.UseMiddleware(a.guard)
	a.registerEntities()
	a.registerContacts()
	a.registerQueues()
	a.registerMailboxes()
	a.registerReports()
	a.registerRoles()
	a.registerDuties()
	a.registerSecrets()
	a.registerSoftphones()
	a.registerHistory()
	a.registerPersonal()
	a.registerListening()
	a.registerProvisioners()
	a.registerEmergency()
	a.registerAccessReviews()
	a.registerInventory()
	a.registerFirmware()
	a.registerAudit()
	if a.AuditMonths != nil {
		a.registerAuditReports()
	}
	a.registerChanges()
	a.registerOptional()
	a.registerPlain()
	return a, nil
}

// registerOptional adds the operations on parts that the switch may lack.
func (a *api) registerOptional() {
	if a.Alarms != nil {
		a.registerAlarms()
	}
	if a.SignIns != nil {
		a.registerSignIns()
	}
	if a.Limits != nil {
		a.registerLimits()
	}
	if a.Relay != nil {
		a.registerRelay()
	}
	if a.Calls != nil {
		a.registerCalls()
		a.registerMonitor()
	}
	if a.Traces != nil {
		a.registerTraces()
	}
	if a.Recalls != nil {
		a.registerRecalls()
	}
	if a.Trunks != nil {
		a.registerTrunkView()
	}
	if a.Devices != nil {
		a.registerDevices()
	}
	if a.Live != nil {
		a.registerLive()
	}
	if a.Vault != nil {
		a.registerVault()
	}
	if a.Remarks != nil {
		a.registerRemarks()
	}
	if a.Keys != nil {
		a.registerRecordingKeys()
	}
	if a.Prompts != nil {
		a.registerPrompts()
		a.registerNotices()
	}
}

func (a *api) humaConfig() huma.Config {
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: strictUnmarshal}
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Naisen", Version: a.Version, Description: "Provisioning and live calls of a cloud PBX. A JSON body may be sent, and is given, as application/yaml (RFC 9512)."},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "OIDC access token (RFC 6750, RFC 9068)"},
				},
			},
			Security: []map[string][]string{{"bearer": {}}},
		},
		Formats:                      map[string]huma.Format{"application/json": format, "json": format, "application/yaml": yamlFormat(format)},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{a.finishProblem},
	}
	c.FieldsOptionalByDefault = true
	return c
}

// registerPlain adds what needs no token: the document, health, readiness, and the mounts.
func (a *api) registerPlain() {
	a.namePathParameters()
	if a.Recordings {
		a.describeRecordings()
	}
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(a.huma.OpenAPI()) }) // of a size that would hold up each start
	a.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		text, err := document()
		if err != nil {
			a.Log.Error("OpenAPI document", "err", err)
			writeProblem(w, r, &huma.ErrorModel{Status: http.StatusInternalServerError})
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Write(text)
	})
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { status(w, nil) })
	a.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		var err error
		if a.Ready != nil {
			err = a.Ready(r.Context())
		}
		status(w, err)
	})
	for pattern, h := range a.Mounts {
		a.mux.Handle(pattern, h)
	}
}

// status answers a probe. Why it is not ready goes to the probe in one word only: the log has the reason.
func status(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"status":"unavailable"}`+"\n")
		return
	}
	io.WriteString(w, `{"status":"ok"}`+"\n")
}

// namePathParameters writes {name...}, which is the mux's form, as {name}, which is OpenAPI's.
func (a *api) namePathParameters() {
	doc := a.huma.OpenAPI()
	for path, item := range doc.Paths {
		if plain := strings.ReplaceAll(path, "...}", "}"); plain != path {
			delete(doc.Paths, path)
			doc.Paths[plain] = item
		}
	}
}
