package nodes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/provisioning/store/postgrestest"
)

// site is the machines of docs/operations.md: each a folder that stands for its root, with Debian's own tools where they can work on a folder, and else with
// what does there what they do. Services are processes of the test's.
type site struct {
	t     *testing.T
	dir   string
	tools string // base URL at which the machines' systemctl and journalctl reach the test
	hosts map[string]*host
	pg    *postgrestest.Server
	ports map[string]int
}

// host is one of them.
type host struct {
	name, root string
	sw         *peer.PBX
	said       strings.Builder // what the blocks printed
	running    chan error      // nil: no block is going on beside the others
}

// newSecret is what the administrator chooses at the first sign-in.
const newSecret = "a long enough secret"

// tools are what a machine runs beside Debian's own. The test is asked for services.
var tools = map[string]string{
	"systemctl":  `exec curl -sS --fail-with-body --data-binary "$*" "$SITE/systemctl/$HOST"`,
	"journalctl": `exec curl -sS --fail-with-body --data-binary "$*" "$SITE/journalctl/$HOST"`,
	// A configuration that is there stays, as dpkg leaves it.
	"apt": `for a; do case "$a" in
*.deb) keep=; [ ! -e "$ROOT/etc/pbx/pbx.yaml" ] || keep=--exclude=./etc/pbx/pbx.yaml
	dpkg-deb --fsys-tarfile "$a" | tar -x --no-same-owner -C "$ROOT" $keep || exit 1 ;;
postgresql) curl -sS --fail-with-body -d "" "$SITE/postgresql/$HOST" || exit 1 ;;
esac; done`,
	"sudo": `user=$2; shift 2
[ "$user" != postgres ] || . "$ROOT/postgres.env"
if [ "$user" = postgres ] && [ "$(id -u)" = 0 ]; then exec runuser -u postgres -- "$@"; fi
exec "$@"`,
	"scp":     `for to; do :; done; while [ $# -gt 1 ]; do cp "$1" "$(elsewhere "$to")" || exit 1; shift; done`,
	"ssh":     `host=$1; shift; ROOT=$SITE_DIR/$host HOST=$host exec sh -c "$(printf %s "$*" | sed "s#$ROOT/#$SITE_DIR/$host/#g")"`,
	"chown":   `shift; for path; do case "$path" in pbx*) ;; *) [ -e "$path" ] || exit 1 ;; esac; done`, // there is no user pbx
	"install": `while getopts o:g:m:d flag; do case $flag in m) mode=$OPTARG ;; esac; done; shift $((OPTIND - 1)); mkdir -p -m "$mode" "$1"`,
	"elsewhere": `host=${1%%:*}; path=${1#*:}; path=${path#"$ROOT"}; case "$path" in /*) ;; *) path=/home/$path ;; esac
echo "$SITE_DIR/$host$path"`,
	// The program of before, instead of compiling everything once more with other flags.
	"go-of-the-test": `[ "$1" != build ] || exec cp "$PROGRAM" "$BUILD/pbx"; exec go "$@"`,
}

func newSite(t *testing.T, names ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), hosts: map[string]*host{}, ports: map[string]int{}}
	must(t, os.Chmod(s.dir, 0o755)) // PostgreSQL runs as somebody else
	for _, dir := range []string{"bin", "stick", "build"} {
		must(t, os.Mkdir(filepath.Join(s.dir, dir), 0o755))
	}
	for name, text := range tools {
		must(t, os.WriteFile(filepath.Join(s.dir, "bin", name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	}
	for _, name := range names {
		h := &host{name: name, root: filepath.Join(s.dir, name)}
		for _, dir := range []string{"home", "etc/pbx", "var/lib/pbx", "srv"} {
			must(t, os.MkdirAll(filepath.Join(h.root, dir), 0o755))
		}
		s.hosts[name] = h
	}
	mux := http.NewServeMux()
	for tool, do := range map[string]func(context.Context, *host, string) (string, error){"systemctl": s.systemctl, "journalctl": s.journalctl, "postgresql": s.postgresql} {
		mux.HandleFunc("POST /"+tool+"/{host}", func(w http.ResponseWriter, r *http.Request) {
			var args bytes.Buffer
			_, err := args.ReadFrom(r.Body)
			text, e := do(r.Context(), s.hosts[r.PathValue("host")], args.String())
			if err = errors.Join(err, e); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			fmt.Fprint(w, text)
		})
	}
	server := httptest.NewServer(mux)
	s.tools = server.URL
	t.Cleanup(func() {
		server.Close()
		for _, h := range s.hosts {
			if h.sw != nil && h.sw.Process != nil {
				if h.sw.Stop(); t.Failed() {
					t.Logf("%s:\n%s", h.name, h.sw.Output())
				}
			}
		}
		if s.pg != nil {
			must(t, s.pg.Close())
		}
	})
	return s
}

// postgresql installs the database.
func (s *site) postgresql(ctx context.Context, h *host, _ string) (out string, err error) {
	if s.pg, err = postgrestest.Start(context.WithoutCancel(ctx), nil, nil); err != nil {
		return "", err
	}
	word, err := s.pg.Password()
	if err != nil {
		return "", err
	}
	env := fmt.Sprintf("export PGHOST=%s PGPORT=%d PGUSER=naisen PGDATABASE=postgres PGPASSWORD=%s\n", s.pg.Dir, s.pg.Port, word)
	return "", os.WriteFile(filepath.Join(h.root, "postgres.env"), []byte(env), 0o600)
}

// systemctl does with the unit of the package what systemd does.
func (s *site) systemctl(ctx context.Context, h *host, args string) (string, error) {
	ctx = context.WithoutCancel(ctx)
	switch verb, unit := args[:strings.LastIndexByte(args, ' ')], args[strings.LastIndexByte(args, ' ')+1:]; verb + " " + unit {
	case "restart postgresql":
		s.pg.Stop()
		return "", s.pg.Run(ctx)
	case "stop pbx":
		h.sw.Stop()
		return "", nil
	case "restart pbx":
		h.sw.Stop()
		return "", s.serve(ctx, h)
	case "start pbx", "enable --now pbx":
		return "", s.serve(ctx, h)
	}
	return "", fmt.Errorf("systemctl %s: what is that", args)
}

func (s *site) serve(ctx context.Context, h *host) error {
	unit, err := os.ReadFile(filepath.Join(h.root, "usr/lib/systemd/system/pbx.service"))
	if err != nil {
		return err
	}
	const start = "\nExecStart=/usr/bin/pbx serve --config /etc/pbx/pbx.yaml\n" // which is what peer runs
	if !bytes.Contains(unit, []byte(start)) {
		return errors.New("the unit starts something else")
	}
	if h.sw == nil {
		h.sw = &peer.PBX{Bin: filepath.Join(h.root, "usr/bin/pbx"), Dir: filepath.Join(h.root, "etc/pbx"), Domain: "ward.example.jp", Passwords: map[string]string{}}
	}
	return h.sw.Run(ctx)
}

func (s *site) journalctl(_ context.Context, h *host, args string) (string, error) {
	if args != "-u pbx -o cat" {
		return "", fmt.Errorf("journalctl %s: what is that", args)
	}
	return h.sw.Output(), nil
}

var (
	aSocket  = regexp.MustCompile(`(192\.0\.2\.\d+|127\.0\.0\.1):(\d+)`)
	aAddress = regexp.MustCompile(`192\.0\.2\.(\d+)`)
)

// here writes commands for a machine that is a folder: its paths are below it, and its sockets are ports of loopback.
func (s *site) here(h *host, text string) string {
	text = aSocket.ReplaceAllStringFunc(text, func(at string) string { return fmt.Sprint("127.0.0.1:", s.port(h, at)) })
	text = aAddress.ReplaceAllString(text, "127.0.0.1")
	return strings.NewReplacer("/media/stick", filepath.Join(s.dir, "stick"), "/etc/pbx", h.root+"/etc/pbx", "/var/lib/pbx", h.root+"/var/lib/pbx",
		"/srv/backups", h.root+"/srv/backups", "build/naisen", s.dir+"/build/naisen", "_amd64", "_"+runtime.GOARCH).Replace(text)
}

func (s *site) port(h *host, at string) int {
	switch {
	case strings.HasSuffix(at, ":5432"):
		return s.pg.Port
	case strings.HasPrefix(at, "127."):
		at = h.name + " " + at // each machine has a loopback of its own
	}
	if s.ports[at] == 0 {
		port, err := peer.FreePort("127.0.0.1")
		must(s.t, err)
		s.ports[at] = port
	}
	return s.ports[at]
}

// run has a machine do a block, written for here. Its shell keeps what the blocks before exported, and the operator types passwords.
func (s *site) run(h *host, block string) error {
	script := "cd \"$ROOT/home\"; [ ! -e .exported ] || . ./.exported\n"
	if h.name == "build" {
		root, err := peer.Root()
		if err != nil {
			return err
		}
		script += "cd " + root + "\n"
	}
	script += block + "export -p > \"$ROOT/home/.exported\"\n"
	cmd := exec.CommandContext(s.t.Context(), "bash", "-e", "-o", "pipefail", "-c", script)
	cmd.Env = append(os.Environ(), "PATH="+h.root+"/usr/bin:"+filepath.Join(s.dir, "bin")+":"+os.Getenv("PATH"), "SITE="+s.tools,
		"SITE_DIR="+s.dir, "HOST="+h.name, "ROOT="+h.root, "PROGRAM="+program, "BUILD="+filepath.Join(s.dir, "build"), "GO="+filepath.Join(s.dir, "bin", "go-of-the-test"))
	typed := newSecret + "\n"
	if h.sw != nil && h.sw.AdminOTP != "" {
		typed, h.sw.AdminOTP = h.sw.AdminOTP+"\n"+typed, ""
	}
	cmd.Stdin = strings.NewReader(typed)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	s.t.Logf("%s: %s", h.name, time.Since(began).Round(10*time.Millisecond))
	h.said.Write(out)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s\n%s", h.name, err, block, out)
	}
	return nil
}
