package idp

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

var bin string

func TestMain(m *testing.M) { os.Exit(peer.Main(m, &bin, 2)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run starts a program that ends with the test; what it said is shown when that failed.
func run(t *testing.T, dir, name string, args ...string) *peer.Process {
	t.Helper()
	p, err := peer.Start(dir, name, args...)
	must(t, err)
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("%s said:\n%.4000s", filepath.Base(name), p.Output())
		}
	})
	return p
}

// office is a switch that trusts an issuer.
func office(t *testing.T, yaml string) *peer.PBX {
	t.Helper()
	p, err := peer.NewPBX(bin, t.TempDir(), peer.Options{YAML: yaml})
	must(t, err)
	must(t, p.Run(t.Context()))
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("the switch said:\n%.4000s", p.Output())
		}
	})
	return p
}

// answer is what the switch said to one request.
type answer struct {
	status    int
	challenge string
	body      string
}

// ask sends a request to a switch with a token.
func ask(t *testing.T, p *peer.PBX, token, method, path, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.URL+"/v1/domains/"+p.Domain+path, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	must(t, err)
	return answer{resp.StatusCode, resp.Header.Get("WWW-Authenticate"), string(text)}
}

// expect is ask for a list that every administrator may see.
func expect(t *testing.T, p *peer.PBX, what, token string, status int, challenge string) {
	t.Helper()
	if a := ask(t, p, token, "GET", "/extensions", ""); a.status != status || a.challenge != challenge {
		t.Errorf("%s: %d %s %.300s, want %d %s", what, a.status, a.challenge, a.body, status, challenge)
	}
}

const (
	invalid    = `Bearer realm="naisen", error="invalid_token"`
	otherScope = `Bearer realm="naisen", error="insufficient_scope", scope="naisen"`
)

// login runs `pbx login` against an issuer; visit is the person who opens the address that it shows. It returns the token.
func login(t *testing.T, issuer string, visit func(at, shown string), args ...string) string {
	t.Helper()
	p := run(t, t.TempDir(), bin, append([]string{"login", "--issuer", issuer}, args...)...)
	must(t, peer.Until(10*time.Second, func() bool { return address.MatchString(p.Output()) || ended(p) }))
	at := address.FindStringSubmatch(p.Output())
	if at == nil {
		t.Fatalf("pbx login showed no address: %.2000s", p.Output())
	}
	visit(at[1], p.Output())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := p.Wait(ctx); err != nil {
		t.Fatalf("pbx login: %v: %.2000s", err, p.Output())
	}
	lines := strings.Split(strings.TrimSpace(p.Output()), "\n")
	return lines[len(lines)-1]
}

var address = regexp.MustCompile(`(?m)^(https?://\S+)$`)

func ended(p *peer.Process) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return p.Wait(ctx) == nil || !strings.Contains(p.Wait(ctx).Error(), "waited in vain")
}

// browser is somebody's browser: cookies, forms, no scripts.
type browser struct {
	t *testing.T
	*http.Client
}

func newBrowser(t *testing.T) browser {
	jar, err := cookiejar.New(nil)
	must(t, err)
	return browser{t, &http.Client{Jar: jar, Timeout: 10 * time.Second}}
}

var (
	formTag  = regexp.MustCompile(`(?s)<form\b[^>]*\baction="([^"]*)"[^>]*>(.*?)</form>`)
	inputTag = regexp.MustCompile(`<input\b[^>]*>`)
	nameAttr = regexp.MustCompile(`\bname="([^"]*)"`)
	valAttr  = regexp.MustCompile(`\bvalue="([^"]*)"`)
)

// through opens an address and sends each form that comes, with fields filled in, until a page has none. It returns the last page. A field whose name
// begins with + is a button's, which is no input.
func (b browser) through(at string, fields map[string]string) string {
	b.t.Helper()
	resp, err := b.Get(at)
	for range 8 {
		must(b.t, err)
		text, readErr := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		resp.Body.Close()
		must(b.t, readErr)
		if resp.StatusCode/100 == 3 { // that was not to be followed
			return ""
		}
		if resp.StatusCode != http.StatusOK {
			b.t.Fatalf("%s: %d %.1000s", resp.Request.URL.Path, resp.StatusCode, text)
		}
		m := formTag.FindStringSubmatch(string(text))
		if m == nil {
			return string(text)
		}
		to, parseErr := resp.Request.URL.Parse(html.UnescapeString(m[1]))
		must(b.t, parseErr)
		form := url.Values{}
		for _, in := range inputTag.FindAllString(m[2], -1) {
			if name := nameAttr.FindStringSubmatch(in); name != nil {
				form.Set(name[1], "")
				if v := valAttr.FindStringSubmatch(in); v != nil {
					form.Set(name[1], html.UnescapeString(v[1]))
				}
				if v, ok := fields[name[1]]; ok {
					form.Set(name[1], v)
				}
			}
		}
		for name, v := range fields {
			if button, ok := strings.CutPrefix(name, "+"); ok {
				form.Set(button, v)
			}
		}
		resp, err = b.PostForm(to.String(), form)
	}
	b.t.Fatal("forms without end")
	return ""
}

// secretFile holds a secret for a configuration.
func secretFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(path, []byte(secret), 0o600))
	return path
}

func freeURL(t *testing.T) (port int, at string) {
	t.Helper()
	port, err := peer.FreePort("127.0.0.1")
	must(t, err)
	return port, fmt.Sprintf("http://127.0.0.1:%d", port)
}
