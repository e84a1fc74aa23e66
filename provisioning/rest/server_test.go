package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
)

func TestTokensAndLanguages(t *testing.T) {
	r := newRig(t)
	if p := r.do(t, "bad", "GET", base, ""); p.status != 401 || p.header.Get("WWW-Authenticate") != `Bearer realm="naisen", error="invalid_token"` || strings.Contains(p.body, "expired") {
		t.Errorf("bad token: %d %v %s", p.status, p.header, p.body)
	}
	if p := r.do(t, "down", "GET", base, ""); p.status != 503 || p.header.Get("Retry-After") == "" {
		t.Errorf("issuer down: %d", p.status)
	}
	for lang, want := range map[string]string{"ja": "認証が必要です", "ja-JP,en;q=0.5": "認証が必要です", "en-GB": "Unauthorized", "fr": "Unauthorized", "": "Unauthorized", "%%%": "Unauthorized"} {
		if p := r.do(t, "", "GET", base, "", "Accept-Language: "+lang); p.json(t)["title"] != want {
			t.Errorf("%q: %s", lang, p.body)
		}
	}
	if p := r.do(t, admin, "PUT", base+"/extensions/2001", `{"x":1}`, "Accept-Language: ja"); p.json(t)["title"] != "内容に誤りがあります" || p.header.Get("Content-Language") != "ja" {
		t.Errorf("validation in Japanese: %s", p.body)
	}
	// The body of someone without a right is not even looked at.
	if p := r.do(t, "zoe", "PUT", base+"/extensions/2001", `{"a":1,"a":2}`); p.status != 403 {
		t.Errorf("body before right: %d", p.status)
	}
}

func TestRateLimit(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Rate = 1 })
	var last reply
	n := 0
	for ; n < 10; n++ {
		if last = r.do(t, "bob+admin", "GET", base, ""); last.status != 200 {
			break
		}
	}
	if n != 2 || last.status != 429 || last.header.Get("Retry-After") == "" {
		t.Errorf("after %d: %d %q", n, last.status, last.header.Get("Retry-After"))
	}
	if p := r.do(t, "alice+admin", "GET", base, ""); p.status != 200 {
		t.Errorf("someone else: %d", p.status)
	}
}

func TestPanicProbesAndMounts(t *testing.T) {
	ready := errors.New("disk full")
	r := newRig(t, func(c *Config) {
		c.Ready = func(context.Context) error { return ready }
		c.Mounts = map[string]http.Handler{
			"GET /mount/panic": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret detail") }),
			"/mount/":          http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }),
		}
	})
	if p := r.do(t, "", "GET", "/mount/panic", ""); p.status != 500 || strings.Contains(p.body, "secret") {
		t.Errorf("panic: %d %s", p.status, p.body)
	}
	if p := r.do(t, "", "POST", "/mount/x", "{}"); p.status != 200 || p.body != "/mount/x" || p.header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("mount: %d %s", p.status, p.body)
	}
	if p := r.do(t, "", "GET", "/healthz", ""); p.status != 200 {
		t.Errorf("healthz: %d", p.status)
	}
	resp, err := r.client.Get(r.URL + "/readyz")
	must(t, err)
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 503 || strings.Contains(string(b), "disk") {
		t.Errorf("readyz: %d %s", resp.StatusCode, b)
	}
	for _, h := range []string{"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Cache-Control", "X-Request-Id"} {
		if p := r.do(t, admin, "GET", base, ""); p.header.Get(h) == "" {
			t.Errorf("no %s", h)
		}
	}
}

func TestLogLineTellsNoSecrets(t *testing.T) {
	r := newRig(t)
	r.do(t, "alice+admin", "PUT", base+"/users/bob", `{"display":"private name"}`)
	r.do(t, "alice+admin", "GET", base+"/extensions?after=hidden", "")
	out := r.log.String()
	if !strings.Contains(out, "route=/v1/domains/{domain}/users/{key}") || !strings.Contains(out, "user=alice") {
		t.Errorf("log line: %s", out)
	}
	for _, s := range []string{"Bearer", "alice+admin", "private name", "hidden"} {
		if strings.Contains(out, s) {
			t.Errorf("%q is in the log", s)
		}
	}
}

func TestCalls(t *testing.T) {
	r := newRig(t)
	if p := r.do(t, admin, "GET", base+"/calls", ""); !strings.Contains(p.body, `"c1"`) || strings.Contains(p.body, `"c2"`) {
		t.Errorf("list: %s", p.body)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/calls/c1/hangup", "", 204}, {"PUT", "/calls/c1/recording", `{"on":true}`, 204}, {"PUT", "/calls/c1/recording", `{"on":false}`, 204},
		{"POST", "/calls/c1/recording/pause", "", 204}, {"POST", "/calls/c1/recording/pause", `{"reason":"card"}`, 204}, {"POST", "/calls/c1/recording/resume", "", 204},
		{"POST", "/calls/c1/recording/keep", "", 204}, {"POST", "/calls/c1/recording/pause", `{"reason":"` + strings.Repeat("x", 101) + `"}`, 422},
		{"PUT", "/calls/c1/recording", `{}`, 422}, {"POST", "/calls/c9/hangup", "", 404},
	} {
		if p := r.do(t, admin, c.method, base+c.path, c.body); p.status != c.status {
			t.Errorf("%s %s: %d, want %d", c.path, c.body, p.status, c.status)
		}
	}
	if got := strings.Join(r.calls.did, " "); got != "hangup on root@"+here+" off root@"+here+" pause root@"+here+" pause root@"+here+" card resume root@"+here+" keep root@"+here {
		t.Errorf("the switch was asked for %q", got)
	}
	if got := outcomes(r.audit(t, here, "call.")); got != strings.Repeat("allowed ok ", 7)+"allowed failed" {
		t.Errorf("audit: %s", got)
	}
}

func TestPrompts(t *testing.T) {
	r := newRig(t)
	const at = base + "/prompts/ja/greeting/open"
	wav := "Content-Type: audio/wav"
	form := func(name, content string, extra bool) (string, string) {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		w, _ := m.CreateFormFile(name, "a.wav")
		io.WriteString(w, content)
		if extra {
			m.WriteField("more", "x")
		}
		m.Close()
		return b.String(), "Content-Type: " + m.FormDataContentType()
	}
	if p := r.do(t, admin, "PUT", at, "RIFFxxxx", wav); p.status != 200 || p.json(t)["name"] != "greeting/open" {
		t.Fatalf("upload: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", at, ""); p.status != 200 || p.body != "RIFFxxxx" || p.header.Get("Content-Type") != "audio/wav" || p.header.Get("ETag") != etag(sumOf([]byte("RIFFxxxx"))) {
		t.Errorf("get: %d %v %s", p.status, p.header, p.body)
	}
	good, goodType := form("file", "RIFFyyyy", false)
	if p := r.do(t, admin, "PUT", at, good, goodType); p.status != 200 {
		t.Errorf("multipart: %d %s", p.status, p.body)
	}
	wrong, wrongType := form("audio", "RIFFyyyy", false)
	two, twoType := form("file", "RIFFzzzz", true)
	huge := "RIFF" + strings.Repeat("x", MaxPrompt)
	hugeForm, hugeType := form("file", huge, false)
	for _, c := range []struct {
		name, path, body, kind string
		status                 int
	}{
		{"not WAV", at, "#EXTM3U", wav, 422}, {"JSON", at, "{}", "Content-Type: application/json", 415}, {"too large", at, huge, wav, 413},
		{"form too large", at, hugeForm, hugeType, 413}, {"other part", at, wrong, wrongType, 400}, {"two parts", at, two, twoType, 400},
		{"no boundary", at, good, "Content-Type: multipart/form-data", 400}, {"cut form", at, good[:len(good)-20], goodType, 400},
		{"what a notice says", base + "/prompts/ja/notice/recording", "RIFF", wav, 409}, {"its audio", base + "/prompts/ja/notices/ward/1", "RIFF", wav, 409},
		{"language", base + "/prompts/fr/notice/recording", "RIFF", wav, 422},
		{"up", base + "/prompts/ja/notice/..%2f..%2fx", "RIFF", wav, 422}, {"hidden", base + "/prompts/ja/.ssh", "RIFF", wav, 422},
		{"backslash", base + "/prompts/ja/a%5Cb", "RIFF", wav, 422}, {"NUL", base + "/prompts/ja/a%00", "RIFF", wav, 422},
	} {
		if p := r.do(t, admin, "PUT", c.path, c.body, c.kind); p.status != c.status {
			t.Errorf("%s: %d, want %d: %s", c.name, p.status, c.status, p.body)
		}
	}
	if p := r.do(t, admin, "GET", at, ""); p.body != "RIFFyyyy" {
		t.Errorf("a refused upload changed the prompt: %.20q", p.body)
	}
	if p := r.do(t, admin, "DELETE", at, ""); p.status != 204 {
		t.Errorf("delete: %d", p.status)
	}
	if p := r.do(t, admin, "GET", at, ""); p.status != 404 {
		t.Errorf("after delete: %d", p.status)
	}
	if got := outcomes(r.audit(t, here, "prompt.")); got != "allowed ok allowed ok"+strings.Repeat(" allowed failed", 5)+" allowed ok" {
		t.Errorf("audit: %s", got)
	}
}

// TestOpenAPI checks the document against what OpenAPI 3.1 demands of its parts, and that it names every route.
func TestOpenAPI(t *testing.T) {
	r := newRig(t)
	p := r.do(t, "", "GET", "/openapi.json", "")
	doc := p.json(t)
	if doc["openapi"] != "3.1.0" || p.header.Get("Content-Type") != "application/openapi+json" {
		t.Fatalf("%v %s", doc["openapi"], p.header.Get("Content-Type"))
	}
	info := doc["info"].(map[string]any)
	if info["title"] == "" || info["version"] == "" {
		t.Error("info is incomplete")
	}
	ids, listed := map[string]bool{}, map[string]bool{}
	for path, raw := range doc["paths"].(map[string]any) {
		for method, raw := range raw.(map[string]any) {
			op := raw.(map[string]any)
			name := strings.ToUpper(method) + " " + path
			listed[name] = true
			id, _ := op["operationId"].(string)
			if id == "" || ids[id] {
				t.Errorf("%s: operationId %q is missing or there twice", name, id)
			}
			ids[id] = true
			if len(op["responses"].(map[string]any)) < 3 {
				t.Errorf("%s: responses are missing", name)
			}
			checkParameters(t, name, path, op)
		}
	}
	for name := range operationActions() {
		if !listed[name] {
			t.Errorf("%s is not in the document", name)
		}
	}
	if len(listed) != len(operationActions()) {
		t.Errorf("%d operations listed, %d served", len(listed), len(operationActions()))
	}
	for _, ref := range regexp.MustCompile(`"\$ref":"#/([^"]+)"`).FindAllStringSubmatch(p.body, -1) {
		var at any = doc
		for part := range strings.SplitSeq(ref[1], "/") {
			m, _ := at.(map[string]any)
			at = m[part]
		}
		if at == nil {
			t.Errorf("$ref %s leads nowhere", ref[1])
		}
	}
	if _, err := json.Marshal(doc["components"]); err != nil || doc["security"] == nil {
		t.Error("no security requirement")
	}
}

// checkParameters: each {name} of the path is declared, required and has a schema, and no other is.
func checkParameters(t *testing.T, name, path string, op map[string]any) {
	t.Helper()
	declared := map[string]bool{}
	params, _ := op["parameters"].([]any)
	for _, raw := range params {
		q := raw.(map[string]any)
		if q["schema"] == nil {
			t.Errorf("%s: parameter %v without a schema", name, q["name"])
		}
		if q["in"] == "path" {
			declared[q["name"].(string)] = q["required"] == true
		}
	}
	for _, m := range regexp.MustCompile(`\{([^}]+)\}`).FindAllStringSubmatch(path, -1) {
		if !declared[m[1]] {
			t.Errorf("%s: path parameter %s is not declared or not required", name, m[1])
		}
		delete(declared, m[1])
	}
	for extra := range declared {
		t.Errorf("%s declares %s, which is not in the path", name, extra)
	}
}

func TestResetPassword(t *testing.T) {
	r := newRig(t)
	p := r.do(t, admin, "POST", base+"/users/bob/password", "")
	if s, _ := p.json(t)["secret"].(string); p.status != 200 || len(s) < 20 || strings.Contains(r.log.String(), s) {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "POST", base+"/users/nobody/password", ""); p.status != 404 {
		t.Errorf("unknown user: %d", p.status)
	}
}

func TestInternalErrorsTellNothing(t *testing.T) {
	r := newRig(t)
	r.store.Close()
	if p := r.do(t, admin, "GET", base+"/extensions", ""); p.status != 503 || p.json(t)["detail"] != nil {
		t.Errorf("closed store: %d %s", p.status, p.body)
	}
	err := r.api.problem(t.Context(), errors.New("sql: password=hunter2"))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	away := r.api.problem(t.Context(), fmt.Errorf("%w: dial tcp 192.0.2.7:5432", provisioning.ErrUnavailable))
	var status huma.StatusError
	var headers huma.HeadersError
	if !errors.As(away, &status) || status.GetStatus() != 503 || strings.Contains(away.Error(), "192.0.2.7") || !errors.As(away, &headers) || headers.GetHeaders().Get("Retry-After") == "" {
		t.Errorf("the database is away: %v", away)
	}
}

func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"a":2}`, `[[[`, `1e400`, `{"a":[{"b":null}]}`, `"x`, `{"a":1}}`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var strict, loose any
		err := strictUnmarshal(data, &strict)
		if err == nil && json.Unmarshal(data, &loose) != nil {
			t.Fatalf("accepted what is not JSON: %q", data)
		}
	})
}
