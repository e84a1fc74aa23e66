package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"naisen/provisioning"
	"naisen/provisioning/identity"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	here  = "pbx.example.jp"
	there = "other.example.jp"
)

// tokens stands for the Verifier: the token is "user", "user+role+role", "user+role:department" or "user@domain+role".
type tokens struct{}

func (tokens) Request(r *http.Request) (provisioning.Subject, error) {
	raw, err := identity.Bearer(r)
	if err != nil {
		return provisioning.Subject{}, err
	}
	if raw == "bad" {
		return provisioning.Subject{}, &identity.Error{Status: 401, Code: "invalid_token", Reason: "expired"}
	}
	if raw == "down" {
		return provisioning.Subject{}, &identity.Error{Status: 503, Reason: "no current keys"}
	}
	parts := strings.Split(raw, "+")
	user, domain, ok := strings.Cut(parts[0], "@")
	if !ok {
		domain = here
	}
	s := provisioning.Subject{Domain: domain, User: user, Client: "test"}
	for _, role := range parts[1:] {
		if role, over, ok := strings.Cut(role, ":"); ok {
			s.Delegated = append(s.Delegated, provisioning.Delegation{Role: provisioning.Role(role), Department: over})
			continue
		}
		s.Roles = append(s.Roles, provisioning.Role(role))
	}
	return s, nil
}

// fakeCalls is a switch with one call in each domain.
type fakeCalls struct {
	mu  sync.Mutex
	did []string
}

func (f *fakeCalls) List(context.Context, string) []provisioning.CallInfo {
	return []provisioning.CallInfo{{ID: "c1", Domain: here, From: "2001", Extensions: []string{"2001"}}, {ID: "c2", Domain: there}} // leaky on purpose
}
func (f *fakeCalls) Start(_ context.Context, domain string, c provisioning.StartCall) (string, error) {
	switch {
	case c.To == "110":
		return "", &provisioning.Invalid{Field: "to", Reason: "is an emergency number"}
	case c.To == "busy":
		return "", &provisioning.NotNow{After: 9 * time.Second}
	}
	return "c9", f.do(domain, "c1", "start "+c.From+" "+c.To)
}
func (f *fakeCalls) Hangup(_ context.Context, domain, id string) error {
	return f.do(domain, id, "hangup")
}
func (f *fakeCalls) Move(_ context.Context, domain, id, extension string) error {
	return f.do(domain, id, "move "+extension)
}
func (f *fakeCalls) Order(_ context.Context, domain, id string, o provisioning.RecordingOrder) error {
	return f.do(domain, id, strings.TrimSpace(o.Does+" "+o.By+" "+o.Reason))
}
func (f *fakeCalls) do(domain, id, what string) error {
	if domain != here || id != "c1" {
		return provisioning.ErrNotFound
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, what)
	return nil
}

// fakeRecalls has one wish of 2001.
type fakeRecalls struct{ calls *fakeCalls }

func (f fakeRecalls) List(string) []provisioning.Recall {
	return []provisioning.Recall{{ID: "r1", By: "2001", Of: "2002"}}
}
func (f fakeRecalls) Drop(domain, id string) error {
	if id != "r1" {
		return provisioning.ErrNotFound
	}
	return f.calls.do(domain, "c1", "drop "+id)
}

func sumOf(b []byte) string { sum := sha256.Sum256(b); return hex.EncodeToString(sum[:]) }

// fakePrompts keeps uploads in memory and takes what begins with RIFF.
type fakePrompts struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (f *fakePrompts) List(context.Context, string) ([]PromptInfo, error) { return nil, nil }
func (f *fakePrompts) Get(_ context.Context, domain, name, lang string) (io.ReadCloser, PromptInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.m[domain+name+lang]
	if !ok {
		return nil, PromptInfo{}, provisioning.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(b)), PromptInfo{Name: name, Language: lang, SHA256: sumOf(b)}, nil
}
func (f *fakePrompts) Put(_ context.Context, domain, name, lang string, wav io.Reader) (PromptInfo, error) {
	b, err := io.ReadAll(wav)
	if err != nil {
		return PromptInfo{}, err
	}
	if !bytes.HasPrefix(b, []byte("RIFF")) {
		return PromptInfo{}, &provisioning.Invalid{Field: "file", Reason: "is not WAV"}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.m[domain+name+lang] = b
	return PromptInfo{Name: name, Language: lang, SHA256: sumOf(b), Millis: 1}, nil
}
func (f *fakePrompts) Delete(_ context.Context, domain, name, lang string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.m[domain+name+lang]; !ok {
		return provisioning.ErrNotFound
	}
	delete(f.m, domain+name+lang)
	return nil
}

type fakePasswords struct{ store provisioning.Store }

func (f fakePasswords) ResetPassword(ctx context.Context, by provisioning.Subject, domain, user string) (string, error) {
	return identity.NewOneTimePassword(ctx, f.store, by, domain, user)
}

// rig is the API on a real store behind a real HTTP server.
type rig struct {
	*httptest.Server
	api     *api
	store   *store.Store
	calls   *fakeCalls
	prompts *fakePrompts
	log     *syncBuffer
	client  *http.Client
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
func (s *syncBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

const askedBy = "bob.e5f00000000.q" // a listening request of bob's, whose password nobody sets in the matrix

func openStore(t testing.TB) *store.Store {
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "pbx.db"), Sealer: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	must(t, s.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for _, d := range []string{here, there} {
			if _, err := w.Put(d, provisioning.Domain{Name: d, Language: "ja"}, ""); err != nil {
				return err
			}
		}
		for _, e := range []provisioning.Entity{
			provisioning.User{Name: "alice", Roles: []provisioning.Role{provisioning.RoleStaff}}, provisioning.User{Name: "bob"},
			provisioning.Extension{Number: "2001", User: "alice"}, provisioning.Extension{Number: "2002", User: "bob", HotDesk: &provisioning.HotDesking{}}, provisioning.HotDesk{Desk: "2002", Person: "2001", Until: time.Unix(1, 0)},
			provisioning.Menu{Name: "hello", Owner: "2001", Start: "a", Nodes: []provisioning.MenuNode{{Name: "a", Then: &provisioning.MenuGoto{Hangup: true}}}},
			provisioning.DID{Number: "+81312345678", To: []string{"2001"}}, provisioning.Trunk{Name: "carrier", Host: "sip.example.net"},
			provisioning.Webhook{Name: "ops", URL: "https://hooks.example.jp/pbx"},
			provisioning.Conference{Number: "8000"}, provisioning.Contact{ID: "c1", Name: "都庁"}, provisioning.BookAccount{Name: "desk"}, provisioning.Group{Number: "6000", Members: []string{"2001"}}, provisioning.PagingGroup{Number: "6500", Members: []string{"2001"}, Everyone: true}, provisioning.Calendar{Name: "hall"}, provisioning.Rejection{Name: "nobody", Withheld: []string{"anonymous"}, Approval: "a test"}, provisioning.RecordingPolicy{Name: "always", Record: provisioning.RecordAlways}, provisioning.Site{Name: "hall", EmergencyNumber: "+81312340000"},
			provisioning.Proposal{ID: "policy:gone", Of: "policy", Name: "gone", People: 1, By: "nobody@" + here, Expires: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
				Changes: []provisioning.ProposedChange{{Field: "label", From: []byte("null"), To: []byte(`"public"`)}}},
			provisioning.ChangeSet{ID: "set1", Reason: "x", By: "nobody@" + here, State: provisioning.ChangeProposed, People: 1, Class: "x", Expires: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
				Changes: []provisioning.SetChange{{Kind: "extension", Key: "2001", Do: provisioning.DoMerge, Body: []byte(`{"display":"x"}`)}}},
			provisioning.Restriction{Name: "inside"}, provisioning.Department{Name: "tax", Restriction: "inside"}, provisioning.ShortNumbers{List: provisioning.SystemList},
			provisioning.RecordingScope{User: "nobody", Numbers: []string{"0312345678"}}, provisioning.SitePolicy{Name: "night"},
			provisioning.Notice{Name: "matrix", Versions: []provisioning.NoticeVersion{{Number: 1, Language: "ja", Voice: "upload", Audio: provisioning.NoticeAudio + "matrix/1", SHA256: sumOf(nil), By: "nobody@" + here}}},
			provisioning.ListeningRequest{ID: askedBy, By: "bob", Purpose: "complaint", Reason: "x", Recordings: []string{"r1"}, Plays: 1, State: provisioning.ListeningPending,
				Asked: time.Now(), Until: time.Now().Add(time.Hour)},
			provisioning.EmergencySignIn{ID: "e1", User: provisioning.SealedAccount, At: time.Now(), Source: "192.0.2.1"},
			provisioning.ManagedDevice{MAC: "805ec0112233", Vendor: provisioning.VendorYealink, Lines: []provisioning.DeviceLine{{Extension: "2001"}}},
			provisioning.Queue{Number: "7001", Members: []provisioning.QueueMember{{Agent: "2001"}}},
			provisioning.Agent{Number: "2001"}, provisioning.CallBack{ID: "b1", Queue: "7001", Number: "+81312345678", Arrived: time.Unix(1, 0)},
		} {
			if _, err := w.Put(here, e, ""); err != nil {
				return err
			}
		}
		if _, err := w.Put(there, provisioning.Extension{Number: "2001"}, ""); err != nil {
			return err
		}
		at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
		for i, c := range []provisioning.CDR{{ID: "cdr1", From: "2001", To: "2002"}, {ID: "cdr2", From: "2002", To: "+81398765432"}, {ID: "cdr3", From: "x", To: "2002", AnsweredBy: "2001"}} {
			c.Domain, c.Started, c.Ended = here, at.Add(time.Duration(i)*time.Minute), at.Add(time.Duration(i+1)*time.Minute)
			if err := w.AddCDR(c); err != nil {
				return err
			}
		}
		return nil
	}))
	return s
}

// fakeTrunks knows one trunk.
type fakeTrunks struct{}

func (fakeTrunks) TrunkStatus(domain, name string) (provisioning.TrunkStatus, error) {
	if domain != here || name != "carrier" {
		return provisioning.TrunkStatus{}, provisioning.ErrNotFound
	}
	return provisioning.TrunkStatus{Name: name, Up: true, Calls: 3, Why: "OPTIONS answered"}, nil
}

// fakeDevices knows one telephone.
type fakeDevices struct{}

func (fakeDevices) Devices(domain, extension string) []provisioning.Device {
	if domain != here || extension != "2001" {
		return nil
	}
	return []provisioning.Device{{Instance: "urn:uuid:aa", UserAgent: "Desk 1", Q: 0.5, Transport: "tls", Turn: 2, After: 15}}
}

// fakeFleet knows the rig's telephone.
type fakeFleet struct{ asked []string }

func (*fakeFleet) URL(domain, code string) string { return "https://pbx/" + domain + "/" + code }
func (*fakeFleet) Report(_, mac string) (provisioning.DeviceReport, error) {
	return provisioning.DeviceReport{DeviceStatus: provisioning.DeviceStatus{MAC: mac}, Registrations: []provisioning.DeviceRegistration{}, Drift: []string{"never-fetched"}}, nil
}
func (f *fakeFleet) Resync(domain, mac string) (int, error) {
	f.asked = append(f.asked, domain+" "+mac)
	return 1, nil
}

// fakeRollouts has the files that were put.
type fakeRollouts struct{ put map[string]string }

func (*fakeRollouts) FirmwareCount(_, _ string) provisioning.FirmwareCount {
	return provisioning.FirmwareCount{Devices: 4, Registered: 3, Updated: 2}
}
func (f *fakeRollouts) HasFirmware(v provisioning.Firmware) bool { return f.put[v.Name] != "" }
func (f *fakeRollouts) PutFirmware(_ context.Context, v provisioning.Firmware, in io.Reader) error {
	text, err := io.ReadAll(in)
	if err == nil && int64(len(text)) != v.Size {
		err = &provisioning.Invalid{Reason: "has not the hash and size of the catalogue"}
	}
	if err == nil {
		f.put = map[string]string{v.Name: string(text)}
	}
	return err
}

// fakeWhatIf has looked at everything.
type fakeWhatIf struct{}

func (fakeWhatIf) WhatIf(_ context.Context, _ provisioning.Subject, _ string, s provisioning.ChangeSet, q provisioning.WhatIfQuery) (provisioning.WhatIfAnswer, error) {
	return provisioning.WhatIfAnswer{Calls: min(len(s.Changes), q.Limit), Complete: true, Kinds: []provisioning.WhatIfDifference{}}, nil
}

// fakeQueues knows one queue and one agent.
type fakeQueues struct{ readied []string }

func (*fakeQueues) Queue(_ context.Context, domain, number string) (provisioning.QueueState, error) {
	if domain != here || number != "7001" {
		return provisioning.QueueState{}, provisioning.ErrNotFound
	}
	return provisioning.QueueState{Number: number, Waiting: 3}, nil
}

func (*fakeQueues) Agent(_ context.Context, domain, number string) (provisioning.AgentState, error) {
	if domain != here || number != "2001" {
		return provisioning.AgentState{}, provisioning.ErrNotFound
	}
	return provisioning.AgentState{Number: number, State: "ready", Queues: []string{"7001"}}, nil
}

func (f *fakeQueues) Ready(_ context.Context, domain, number string) error {
	if domain != here || number != "2001" {
		return provisioning.ErrNotFound
	}
	f.readied = append(f.readied, number)
	return nil
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	r := &rig{store: openStore(t), calls: &fakeCalls{}, prompts: &fakePrompts{m: map[string][]byte{}}, log: &syncBuffer{}}
	cfg := Config{Store: r.store, Audit: r.store, AuditMonths: monthsOf{r.store}, Policy: policy.New(), Verifier: tokens{}, Calls: r.calls, Traces: newFakeTraces(), Recalls: fakeRecalls{r.calls}, Prompts: r.prompts, Passwords: fakePasswords{r.store}, SignIns: &fakeSignIns{},
		Alarms: fakeGuard{}, Relay: fakeRelay{}, Limits: fakeGuard{}, Trunks: fakeTrunks{}, Devices: fakeDevices{}, Fleet: &fakeFleet{}, Rollouts: &fakeRollouts{}, Queues: &fakeQueues{}, Messages: newFakeMessages(), Live: closedLive(), Books: booksOf(t, r.store), Vault: newFakeVault(), Remarks: &fakeRemarks{}, Keys: &fakeKeys{epoch: 1}, WhatIf: fakeWhatIf{},
		Rate: 10000, Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if r.api, err = build(cfg); err != nil {
		t.Fatal(err)
	}
	r.Server = httptest.NewServer(r.api.handler())
	r.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(r.Close)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

func (p reply) json(t testing.TB) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(p.body), &m); err != nil {
		t.Fatalf("%v: %s", err, p.body)
	}
	return m
}

// location is errors[0].location of a problem.
func (p reply) location(t testing.TB) string {
	t.Helper()
	list, _ := p.json(t)["errors"].([]any)
	if len(list) == 0 {
		return ""
	}
	at, _ := list[0].(map[string]any)["location"].(string)
	return at
}

// do sends one request; headers are "Name: value" lines.
func (r *rig) do(t testing.TB, token, method, path, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, strings.NewReader(body))
	must(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := r.client.Do(req)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	p := reply{resp.StatusCode, resp.Header, string(b)}
	if p.status >= 400 && !strings.HasPrefix(path, "/mount") {
		if got := p.header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s %s: %d as %q, want a problem", method, path, p.status, got)
		}
		if m := p.json(t); m["status"] != float64(p.status) || m["title"] == "" {
			t.Errorf("%s %s: problem %s", method, path, p.body)
		}
	}
	return p
}

func (r *rig) audit(t testing.TB, domain, action string) []provisioning.AuditEntry {
	t.Helper()
	var out []provisioning.AuditEntry
	must(t, r.store.View(t.Context(), func(rd provisioning.Reader) (err error) {
		out, err = rd.Audit(domain, provisioning.AuditQuery{Action: action})
		return err
	}))
	return out
}

const (
	admin = "root+admin"
	base  = "/v1/domains/" + here
)
