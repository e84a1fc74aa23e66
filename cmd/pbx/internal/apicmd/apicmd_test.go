package apicmd

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// asked is a request that came.
type asked struct{ method, path, query, kind, body, match string }

// office answers with what a test says and keeps what it was asked.
func office(t *testing.T, answer func(asked) (status int, kind, body string)) *[]asked {
	t.Helper()
	var all []asked
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a := asked{r.Method, r.URL.EscapedPath(), r.URL.Query().Encode(), r.Header.Get("Content-Type"), string(body), r.Header.Get("If-Match")}
		all = append(all, a)
		if r.Header.Get("Authorization") != "Bearer t0ken" {
			t.Errorf("asked with %q", r.Header.Get("Authorization"))
		}
		status, kind, text := answer(a)
		w.Header().Set("Content-Type", kind)
		if status == http.StatusAccepted {
			w.Header().Set("Link", `</v1/domains/a.example/proposals/user%3Ahana>; rel="monitor"`)
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	t.Setenv(Token, "t0ken")
	t.Setenv("PBX_URL", server.URL)
	t.Setenv("PBX_DOMAIN", "a.example")
	return &all
}

func pbx(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var c Commands
	parser, err := kong.New(&c, kong.Name("pbx"), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse(args)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	k.BindTo(t.Context(), (*context.Context)(nil))
	k.BindTo(&out, (*io.Writer)(nil))
	err = k.Run()
	return out.String(), err
}

const js = "application/json"

// TestGet: pages are one list, kana take two columns, what is false is left out, and no name commands the terminal.
func TestGet(t *testing.T) {
	all := office(t, func(a asked) (int, string, string) {
		switch {
		case strings.HasSuffix(a.path, "/2001"):
			return 200, js, `{"number":"2001","display":"窓口","recording":{"incoming":["a"]},"disabled":false}`
		case strings.Contains(a.query, "after=2001"):
			return 200, js, `{"items":[{"number":"2002","display":"evil\u001b[2J","user":"hana"}]}`
		case strings.HasSuffix(a.path, "/feature-codes"):
			return 200, js, `{"pickup":"*8"}`
		}
		return 200, js, `{"items":[{"number":"2001","display":"税務課窓口","disabled":false,"max_contacts":0}],"next":"2001"}`
	})
	got, err := pbx(t, "get", "extensions", "--filter", "display=a,b", "--filter", "user~h")
	want := "NUMBER  DISPLAY     USER\n2001    税務課窓口\n2002    evil.[2J    hana\n"
	if err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	if first := (*all)[0]; first.path != "/v1/domains/a.example/extensions" || first.query != "filter=display%3Da%2Cb&filter=user~h&limit=1000" {
		t.Errorf("asked %+v", first)
	}
	if got, err := pbx(t, "get", "extensions", "2001"); err != nil || got != "disabled   false\ndisplay    窓口\nnumber     2001\nrecording  {\"incoming\":[\"a\"]}\n" {
		t.Errorf("%v\n%s", err, got)
	}
	if got, err := pbx(t, "get", "feature-codes"); err != nil || got != "pickup  *8\n" {
		t.Errorf("%v\n%s", err, got)
	}
	if got, err := pbx(t, "get", "extensions", "-o", "json"); err != nil || !strings.HasPrefix(got, `[{"number":"2001"`) || !strings.Contains(got, `"2002"`) {
		t.Errorf("%v\n%s", err, got)
	}
}

// TestSet: a merge patch, field by field.
func TestSet(t *testing.T) {
	all := office(t, func(asked) (int, string, string) { return 200, js, `{"number":"2001"}` })
	if _, err := pbx(t, "set", "extensions", "20/01", "display=a=b", "max_contacts:=3", "record=", "forward.busy.extension=2009", "forward.seconds:=20", "--if-match", "7", "--reason", "席替え"); err != nil {
		t.Fatal(err)
	}
	a := (*all)[0]
	if a.method != "PATCH" || a.path != "/v1/domains/a.example/extensions/20%2F01" || a.kind != "application/merge-patch+json" || a.match != `"7"` || !strings.HasPrefix(a.query, "reason=") ||
		a.body != `{"display":"a=b","forward":{"busy":{"extension":"2009"},"seconds":20},"max_contacts":3,"record":null}` {
		t.Errorf("asked %+v", a)
	}
	for _, bad := range []string{"display", "=x", ":=1", "max_contacts:=x"} {
		if _, err := pbx(t, "set", "extensions", "2001", bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if len(*all) != 1 {
		t.Errorf("%d requests", len(*all))
	}
}

// TestWaits: what waits for others is said, with where.
func TestWaits(t *testing.T) {
	office(t, func(asked) (int, string, string) { return 202, js, `{"name":"hana"}` })
	if got, err := pbx(t, "delete", "users", "hana"); err != nil || got != "waits for others to agree: user:hana\n" {
		t.Errorf("%q %v", got, err)
	}
}

// TestFiles: what is imported is told in words, its secrets too; an export is nobody else's to read.
func TestFiles(t *testing.T) {
	all := office(t, func(a asked) (int, string, string) {
		if a.method == "GET" {
			return 200, "text/csv", "number\r\n2001\r\n"
		}
		return 200, js, `{"created":1,"changed":1,"unchanged":0,"deleted":0,"waiting":1,"changes":[{"kind":"extension","key":"2001","does":"change","field":"display","before":"a","after":"b"}],"made":[{"username":"2002","secret":"s"}]}`
	})
	dir := t.TempDir()
	file, to := filepath.Join(dir, "in.csv"), filepath.Join(dir, "out.csv")
	if err := os.WriteFile(file, []byte("number,display\n2001,b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := pbx(t, "import", "extensions", file, "--dry-run", "--replace")
	if err != nil || got != "1 created, 1 changed, 0 unchanged, 0 deleted\n1 wait for others to agree: pbx get proposals\nchange 2001 display: \"a\" -> \"b\"\n2002\ts\n" {
		t.Errorf("%v\n%s", err, got)
	}
	if a := (*all)[0]; a.method != "POST" || a.path != "/v1/domains/a.example/imports/extensions" || a.query != "dry_run=true&replace=true" || a.kind != "text/csv" || a.body != "number,display\n2001,b\n" {
		t.Errorf("asked %+v", a)
	}
	if err := os.WriteFile(to, []byte("of before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := pbx(t, "export", "extensions", "--charset", "shift_jis", "--to", to); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil || info.Mode().Perm() != 0o600 || (*all)[1].query != "charset=shift_jis&format=csv" {
		t.Errorf("%v %v, asked %+v", info, err, (*all)[1])
	}
}

// TestDo: any operation, with its values where they belong.
func TestDo(t *testing.T) {
	all := office(t, func(a asked) (int, string, string) {
		if strings.HasSuffix(a.path, "/csv") {
			return 200, "text/csv", "a;b\n"
		}
		return 201, js, `{"id":"c1"}`
	})
	body := filepath.Join(t.TempDir(), "call.json")
	if err := os.WriteFile(body, []byte(`{"from":"2001","to":"2002"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := pbx(t, "do", "start-call", "--body", body); err != nil || got != "id  c1\n" || (*all)[0].body != `{"from":"2001","to":"2002"}` || (*all)[0].kind != js {
		t.Errorf("%v %q %+v", err, got, (*all)[0])
	}
	if got, err := pbx(t, "do", "get-report-csv", "key=queues", "queue=7001"); err != nil || got != "a;b\n" || (*all)[1].path != "/v1/domains/a.example/reports/queues/csv" || (*all)[1].query != "queue=7001" {
		t.Errorf("%v %q %+v", err, got, (*all)[1])
	}
	for _, bad := range [][]string{{"do", "no-such"}, {"do", "get-report-csv"}, {"do", "get-report-csv", "key=queues", "tenant=x"}, {"do", "get-report-csv", "key"}, {"do", "list-users", "--body", body}} {
		if _, err := pbx(t, bad...); err == nil {
			t.Errorf("%v is carried out", bad)
		}
	}
	if got, err := pbx(t, "do"); err != nil || !strings.Contains(got, "start-call") || len(*all) != 2 {
		t.Errorf("%v after %d requests:\n%s", err, len(*all), got)
	}
}

// TestRefused: a refusal is an error with its place, an unknown kind says which there are, and without a token or a domain nothing is asked.
func TestRefused(t *testing.T) {
	all := office(t, func(asked) (int, string, string) {
		return 422, "application/problem+json", `{"title":"Unprocessable Entity","status":422,"errors":[{"location":"body.user","message":"is nobody"}]}`
	})
	if _, err := pbx(t, "set", "extensions", "2001", "user=x"); err == nil || !strings.Contains(err.Error(), "body.user is nobody") {
		t.Errorf("%v", err)
	}
	if _, err := pbx(t, "set", "extension", "2001", "user=x"); err == nil || !strings.Contains(err.Error(), "extensions, ") {
		t.Errorf("%v", err)
	}
	t.Setenv(Token, "")
	if _, err := pbx(t, "get", "extensions"); err == nil || !strings.Contains(err.Error(), Token) {
		t.Errorf("%v", err)
	}
	t.Setenv(Token, "t0ken")
	os.Unsetenv("PBX_DOMAIN")
	if _, err := pbx(t, "get", "extensions"); err == nil || !strings.Contains(err.Error(), "--domain") {
		t.Errorf("%v", err)
	}
	if len(*all) != 1 {
		t.Errorf("%d requests, want 1", len(*all))
	}
}

// TestTokenStays: the token is sent in the clear to this machine alone, and nowhere that an answer says.
func TestTokenStays(t *testing.T) {
	t.Setenv(Token, "t0ken")
	t.Setenv("PBX_DOMAIN", "a.example")
	heard := ""
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heard += r.Header.Get("Authorization") }))
	defer elsewhere.Close()
	office := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	defer office.Close()
	if _, err := pbx(t, "get", "extensions", "--url", office.URL); err == nil || heard != "" {
		t.Errorf("%v, and elsewhere %q was heard", err, heard)
	}
	for _, bad := range []string{"http://pbx.example.jp", "http://192.0.2.1:8080", "ftp://127.0.0.1", "pbx.example.jp", "https://user@pbx.example.jp", "http://localhost.example.jp"} {
		if _, err := Client(bad); err == nil {
			t.Errorf("%s is asked", bad)
		}
	}
	for _, good := range []string{"https://pbx.example.jp", "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost"} {
		if _, err := Client(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

// TestCompletion: a shell completes commands, kinds and operations.
func TestCompletion(t *testing.T) {
	script, err := pbx(t, "completion", "bash")
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{"pbx expo": "export", "pbx import exten": "extensions", "pbx do start-c": "start-call", "pbx set feature-c": ""} {
		words := strings.Fields(line)
		ask := script + "\nCOMP_WORDS=(" + line + "); COMP_CWORD=" + string(rune('0'+len(words)-1)) + "; _pbx; echo \"${COMPREPLY[*]}\""
		got, err := exec.CommandContext(t.Context(), "bash", "-c", ask).Output()
		if err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%s: %q %v, want %q", line, got, err, want)
		}
	}
	for _, shell := range []string{"zsh", "fish"} {
		if got, err := pbx(t, "completion", shell); err != nil || !strings.Contains(got, "start-call") {
			t.Errorf("%s: %v", shell, err)
		}
	}
}

// TestClipped: a cell is no wider than may be, in columns.
func TestClipped(t *testing.T) {
	if got := clipped(strings.Repeat("税", 30)); columns(got) > maxCell || !strings.HasSuffix(got, "…") {
		t.Errorf("%q has %d columns", got, columns(got))
	}
	if got := clipped("short"); got != "short" {
		t.Error(got)
	}
}
