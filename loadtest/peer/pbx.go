package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Build compiles the switch into dir and returns the program's path.
func Build(ctx context.Context, dir string, flags ...string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "pbx")
	cmd := exec.CommandContext(ctx, "go", append(append([]string{"build"}, flags...), "-o", bin, "./cmd/pbx")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("peer: build: %w\n%s", err, out)
	}
	return bin, nil
}

// Main is what TestMain exits with: the tests of a package run with the switch built for them, its path in bin. Some go on at once, since they wait
// more than they compute; -parallel overrules.
func Main(m interface{ Run() int }, bin *string, parallel int) int {
	code, err := runTests(m, bin, parallel)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func runTests(m interface{ Run() int }, bin *string, parallel int) (code int, err error) {
	if err := flag.Set("test.parallel", strconv.Itoa(parallel)); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "naisen-switch")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if *bin, err = Build(context.Background(), dir); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// PBX is a switch under test on 127.0.0.1.
type PBX struct {
	*Process
	Bin, Dir    string // Dir holds pbx.yaml and var
	Domain      string
	UDP, TLS    string // host:port
	WSS         string // host:port
	URL         string
	Metrics     string
	AdminOTP    string            // first run only
	Passwords   map[string]string // first run only: extension -> password
	prefix      []string
	token       string
	adminSecret string
	listens     bool      // somebody has approved that the administrator hears recordings
	approver    string    // token of who approves that recordings are heard
	signed      time.Time // when the tokens are from
}

// Options change what a PBX is started with.
type Options struct {
	YAML   string   // added to the configuration
	HTTP   string   // added to its http section, as "rate_per_user: 1000"
	SIP    string   // added to its sip section, as "rate: 1000"; lines after the first by two spaces
	Prefix []string // put before the command, as "env GOMAXPROCS=1 taskset -c 1": each must exec, so that the process is the switch's
}

// NewPBX writes a configuration with free ports below dir; Run starts it.
func NewPBX(bin, dir string, o Options) (*PBX, error) {
	p := &PBX{Bin: bin, Dir: dir, Domain: "pbx.internal", Passwords: map[string]string{}, prefix: o.Prefix, adminSecret: "a long enough secret"}
	var ports [5]int
	for i := range ports {
		port, err := FreePort("127.0.0.1")
		if err != nil {
			return nil, err
		}
		ports[i] = port
	}
	p.UDP, p.TLS = fmt.Sprintf("127.0.0.1:%d", ports[0]), fmt.Sprintf("127.0.0.1:%d", ports[1])
	p.URL, p.Metrics = fmt.Sprintf("http://127.0.0.1:%d", ports[2]), fmt.Sprintf("127.0.0.1:%d", ports[3])
	p.WSS = fmt.Sprintf("127.0.0.1:%d", ports[4])
	yaml := fmt.Sprintf("data: %s\nhttp:\n  listen: \"127.0.0.1:%d\"\n  metrics: %q\n  %s\n", filepath.Join(dir, "var"), ports[2], p.Metrics, o.HTTP)
	if !strings.Contains(o.YAML, "sip:") {
		yaml += fmt.Sprintf("sip:\n  listen: [\"udp:%s\", \"tcp:%s\", \"tls:%s\", \"wss:%s\"]\n", p.UDP, p.UDP, p.TLS, p.WSS)
		if o.SIP != "" {
			yaml += "  " + o.SIP + "\n"
		}
	}
	return p, os.WriteFile(filepath.Join(dir, "pbx.yaml"), []byte(yaml+o.YAML), 0o600)
}

var (
	extensionLine = regexp.MustCompile(`extension (\d+)\s+password (\S+)`)
	adminLine     = regexp.MustCompile(`one-time password (\S+)`)
)

// Run starts the switch and waits until it is ready.
func (p *PBX) Run(ctx context.Context) (err error) {
	command := append(slices.Clone(p.prefix), p.Bin, "serve", "--config", filepath.Join(p.Dir, "pbx.yaml"))
	p.Process, err = Start(p.Dir, command[0], command[1:]...)
	if err != nil {
		return err
	}
	if err := Until(30*time.Second, func() bool { return p.ended() || strings.Contains(p.Output(), "pbx: ready") }); err != nil || p.ended() {
		return fmt.Errorf("peer: switch is not ready: %w\n%s", err, p.Output())
	}
	for _, m := range extensionLine.FindAllStringSubmatch(p.Output(), -1) {
		p.Passwords[m[1]] = m[2]
	}
	if m := adminLine.FindStringSubmatch(p.Output()); m != nil {
		p.AdminOTP = m[1]
	}
	return ctx.Err()
}

func (p *PBX) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Var is a path below the switch's data directory.
func (p *PBX) Var(elem ...string) string {
	return filepath.Join(append([]string{p.Dir, "var"}, elem...)...)
}

// Command runs another subcommand of the same program on the same configuration and returns what it printed.
func (p *PBX) Command(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.Bin, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, errs.String())
	}
	return out.String(), nil
}

// SignIn gets the administrator's token, by the one-time password the first time.
func (p *PBX) SignIn(ctx context.Context) error {
	stdin := p.adminSecret + "\n"
	if p.AdminOTP != "" {
		stdin = p.AdminOTP + "\n" + stdin
	}
	out, err := p.Command(ctx, stdin, "login", "--url", p.URL)
	p.token, p.AdminOTP, p.signed = strings.TrimSpace(out), "", time.Now()
	return err
}

// tokenLasts is less than an access token does.
const tokenLasts = 8 * time.Minute

// StaySignedIn gets new tokens where those of before are about to end: a long harness outlives them.
func (p *PBX) StaySignedIn(ctx context.Context) (err error) {
	if time.Since(p.signed) < tokenLasts {
		return nil
	}
	if p.approver != "" {
		if p.approver, err = p.Login(ctx, approverName); err != nil {
			return err
		}
	}
	return p.SignIn(ctx)
}

// personSecret is the password of everybody whom Person makes.
const personSecret = "a password that is long"

// Login gives a new token of somebody whom Person made.
func (p *PBX) Login(ctx context.Context, name string) (string, error) {
	return p.login(ctx, name, personSecret+"\n")
}

func (p *PBX) login(ctx context.Context, name, secrets string) (string, error) {
	token, err := p.Command(ctx, secrets, "login", "--url", p.URL, "--user", name)
	return strings.TrimSpace(token), err
}

// PhoneToken gets an access token of the administrator's for a phone (RFC 8898). The administrator must have signed in once.
func (p *PBX) PhoneToken(ctx context.Context) (string, error) {
	out, err := p.Command(ctx, p.adminSecret+"\n", "login", "--url", p.URL, "--scope", "openid,sip")
	return strings.TrimSpace(out), err
}

// Do sends a request to the API with the administrator's token. A path that begins with "/" is taken as it is; else it is below the domain. A body of bytes is sent as a file.
func (p *PBX) Do(ctx context.Context, method, path string, body any) (status int, answer []byte, err error) {
	return p.DoAs(ctx, p.token, method, path, body)
}

// DoAs is Do with another token; "" sends none.
func (p *PBX) DoAs(ctx context.Context, token, method, path string, body any) (status int, answer []byte, err error) {
	resp, err := p.ask(ctx, token, method, path, body)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	return resp.StatusCode, answer, err
}

// Person makes a user with one role and returns a token.
func (p *PBX) Person(ctx context.Context, name, role string) (token string, err error) {
	user := map[string]any{"name": name, "display": name, "roles": []string{role}, "disabled": false}
	status, answer, err := p.Do(ctx, "PUT", "users/"+name, user)
	if err != nil {
		return "", err
	}
	if status/100 != 2 {
		return "", fmt.Errorf("peer: user %s: %d %s", name, status, answer)
	}
	if status, answer, err = p.Do(ctx, "POST", "users/"+name+"/password", nil); err != nil {
		return "", err
	}
	var once struct{ Secret string }
	if err := json.Unmarshal(answer, &once); err != nil || once.Secret == "" {
		return "", fmt.Errorf("peer: no one-time password for %s: %d", name, status)
	}
	return p.login(ctx, name, once.Secret+"\n"+personSecret+"\n")
}

// RecordUntold puts a policy under which everything is recorded and nobody is told, with the word of a second person, for a day.
func (p *PBX) RecordUntold(ctx context.Context, policy string) error {
	status, answer, err := p.Do(ctx, "PUT", "recording-policies/"+policy, map[string]any{"record": "always", "notice": "none", "on_failure": "continue", "retention_days": 1,
		"exception": map[string]any{"reason": "test", "until": time.Now().Add(24 * time.Hour)}})
	switch {
	case err != nil || status == http.StatusOK: // as it was: nothing waits
		return err
	case status != http.StatusAccepted:
		return fmt.Errorf("peer: policy %s: %d %s", policy, status, answer)
	}
	boss, err := p.Person(ctx, "kacho", "recording-manager")
	if err != nil {
		return err
	}
	return p.Agree(ctx, boss, "policy:"+policy)
}

// Open is a GET with the administrator's token whose answer goes on until the caller closes it, or ctx ends.
func (p *PBX) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	resp, err := p.ask(ctx, p.token, "GET", path, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return nil, fmt.Errorf("peer: GET %s: %d %s", path, resp.StatusCode, text)
	}
	return resp.Body, nil
}

func (p *PBX) ask(ctx context.Context, token, method, path string, body any) (*http.Response, error) {
	var in io.Reader
	content := "application/json"
	if file, ok := body.([]byte); ok {
		in, content = bytes.NewReader(file), "application/octet-stream"
	} else if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(b)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/v1/domains/" + p.Domain + "/" + path
	}
	req, err := http.NewRequestWithContext(ctx, method, p.URL+path, in)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		req.Header.Set("Content-Type", content)
	}
	return http.DefaultClient.Do(req)
}

// Agree agrees to a proposal as it is now, with somebody's token.
func (p *PBX) Agree(ctx context.Context, token, proposal string) error {
	read, err := p.ask(ctx, token, "GET", "proposals/"+proposal, nil)
	if err != nil {
		return err
	}
	read.Body.Close()
	req, err := http.NewRequestWithContext(ctx, "POST", p.URL+"/v1/domains/"+p.Domain+"/proposals/"+proposal+"/agree", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("If-Match", read.Header.Get("ETag"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096)); resp.StatusCode != http.StatusOK {
		return fmt.Errorf("peer: agree to %s: %d %s", proposal, resp.StatusCode, text)
	}
	return nil
}

// Metric reads one number from the switch's metrics.
func (p *PBX) Metric(ctx context.Context, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+p.Metrics+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(b), "\n") {
		var v float64
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			_, err := fmt.Sscan(rest, &v)
			return v, err
		}
	}
	return 0, fmt.Errorf("%w: metric %s", os.ErrNotExist, name)
}

// Terminate sends SIGTERM and waits for a clean end.
func (p *PBX) Terminate(ctx context.Context) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.Wait(ctx)
}
