// Package s3server starts a real S3 server for tests: versitygw with its posix backend in a temporary directory, as a process of its own.
// It is never part of the switch. Where the program is missing it is built from its module; it is never skipped.
package s3server

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Version of versitygw.
const Version = "v1.8.0"

// Server is a running one.
type Server struct {
	Addr, Access, Secret string
	Root                 string // where the buckets lie
}

// Start builds the server if needed and runs it until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	bin := build(t)
	s := &Server{Access: "test" + rand.Text()[:8], Secret: rand.Text(), Root: t.TempDir()}
	var log strings.Builder
	for range 5 { // a probed port may be taken by somebody else before the server has it
		s.Addr = free(t)
		log.Reset()
		if s.run(t, bin, &log) {
			return s
		}
	}
	t.Fatalf("s3server: %s did not come up:\n%s", bin, log.String())
	return nil
}

func (s *Server) run(t testing.TB, bin string, log *strings.Builder) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin, "--access", s.Access, "--secret", s.Secret, "--port", s.Addr, "--quiet",
		"posix", "--versioning-dir", t.TempDir(), s.Root)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatalf("s3server: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
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
			if c, err := net.Dial("tcp", s.Addr); err == nil {
				c.Close()
				t.Cleanup(stop)
				return true
			}
		}
	}
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
func build(t testing.TB) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("s3server: %v", err)
	}
	dir := filepath.Join(cache, "naisen", "versitygw-"+Version)
	bin := filepath.Join(dir, "versitygw")
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
	t.Logf("building versitygw %s", Version)
	cmd := exec.Command("go", "install", "github.com/versity/versitygw/cmd/versitygw@"+Version)
	cmd.Dir = dir // outside of any module
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("s3server: build versitygw: %v\n%s", err, out)
	}
	return bin
}
