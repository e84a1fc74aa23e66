// Package s3server starts a real S3 server for tests, in a temporary directory, as a process of its own: versitygw with its posix backend, or another
// one that the same tests are to pass on. It is never part of the switch. Where the program is missing it is built from its module; it is never skipped.
package s3server

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// kind is a server that tests can run on.
type kind struct {
	module, version string // what it is built from, outside of any module of ours: none of it is linked to anything here
	args            func(s *Server, scratch string) []string
	env             func(s *Server) []string
	ready           string // path that answers 200 when it serves; empty: as soon as it listens
}

// Usual is the server of every test run.
const Usual = "versitygw"

var kinds = map[string]kind{
	Usual: {module: "github.com/versity/versitygw/cmd/versitygw", version: "v1.8.0",
		args: func(s *Server, scratch string) []string {
			return []string{"--access", s.Access, "--secret", s.Secret, "--port", s.Addr, "--quiet", "posix", "--versioning-dir", scratch, s.root}
		}},
	// AGPL: run, and neither linked nor shipped.
	"minio": {module: "github.com/minio/minio", version: "v0.0.0-20260212201848-7aac2a2c5b7c",
		args: func(s *Server, _ string) []string {
			return []string{"server", "--quiet", "--address", s.Addr, s.root}
		},
		env: func(s *Server) []string {
			return []string{"MINIO_ROOT_USER=" + s.Access, "MINIO_ROOT_PASSWORD=" + s.Secret, "MINIO_BROWSER=off", "MINIO_UPDATE=off", "HOME=" + s.root}
		}, ready: "/minio/health/cluster"},
}

// Server is a running one.
type Server struct {
	Addr, Access, Secret string
	root                 string // where the buckets lie
}

// Start builds the usual server if needed and runs it until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartKind(t, Usual)
}

// StartKind is Start of another one.
func StartKind(t testing.TB, name string) *Server {
	t.Helper()
	k, ok := kinds[name]
	if !ok {
		t.Fatalf("s3server: there is no server %q", name)
	}
	bin := k.build(t, name)
	t.Logf("s3server: %s %s", name, k.version)
	s := &Server{Access: "test" + rand.Text()[:8], Secret: rand.Text(), root: t.TempDir()}
	var log strings.Builder
	for range 5 { // a probed port may be taken by somebody else before the server has it
		s.Addr = free(t)
		log.Reset()
		if s.run(t, k, bin, &log) {
			return s
		}
	}
	t.Fatalf("s3server: %s did not come up:\n%s", bin, log.String())
	return nil
}

func (s *Server) run(t testing.TB, k kind, bin string, log *strings.Builder) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin, k.args(s, t.TempDir())...)
	if k.env != nil {
		cmd.Env = append(os.Environ(), k.env(s)...)
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	begun, ended := make(chan error), make(chan struct{})
	go func() {
		// It dies with the thread that began it, and a goroutine that ends with its thread may have got that one meanwhile.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		begun <- cmd.Start()
		cmd.Wait()
		close(ended)
	}()
	if err := <-begun; err != nil {
		cancel()
		t.Fatalf("s3server: %v", err)
	}
	stop := func() {
		cancel()
		<-ended
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for {
		select {
		case <-ended:
			cancel()
			return false
		case <-late.C:
			stop()
			return false
		case <-tick.C:
			if s.serves(k.ready) {
				t.Cleanup(stop)
				return true
			}
		}
	}
}

func (s *Server) serves(path string) bool {
	if path == "" {
		c, err := net.Dial("tcp", s.Addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + s.Addr + path)
	if err == nil {
		res.Body.Close()
	}
	return err == nil && res.StatusCode == http.StatusOK
}

func free(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// build installs the server once for this user: the first time takes some minutes.
func (k kind) build(t testing.TB, name string) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("s3server: %v", err)
	}
	dir := filepath.Join(cache, "naisen", name+"-"+k.version)
	bin := filepath.Join(dir, name)
	if _, err := os.Stat(bin); err == nil {
		return bin
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("s3server: %v", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatalf("s3server: %v", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil { // two test processes at once
		t.Fatalf("s3server: %v", err)
	}
	if _, err := os.Stat(bin); err == nil {
		return bin
	}
	t.Logf("building %s %s", name, k.version)
	cmd := exec.Command("go", "install", k.module+"@"+k.version)
	cmd.Dir = dir // outside of any module
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("s3server: build %s: %v\n%s", name, err, out)
	}
	return bin
}
