// Package postgrestest runs Debian's PostgreSQL for tests: a process of its own with its data in a folder of its own, which ends with the tests. It owns
// the server, and never looks into what the tests keep there.
package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Server is one that runs, or did.
type Server struct {
	Dir  string // of the data and the socket
	Port int    // on 127.0.0.1

	password string
	bin      string
	as       *syscall.Credential // PostgreSQL does not run as root
	cmd      *exec.Cmd
	ended    chan struct{}
}

const (
	account = "naisen"
	patient = 30 * time.Second
)

// Start makes a server and runs it. certificate and key, of a server that speaks TLS, are PEM; empty: it does not.
func Start(ctx context.Context, certificate, key []byte) (s *Server, err error) {
	s = &Server{password: rand.Text()}
	if s.bin, err = binaries(); err != nil {
		return nil, err
	}
	if s.Dir, err = os.MkdirTemp("", "naisen-pg-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(s.Dir))
		}
	}()
	if err := s.prepare(ctx, certificate, key); err != nil {
		return nil, err
	}
	for range 5 { // a port that was free may be taken by somebody else before the server has it
		if s.Port, err = free(); err != nil {
			return nil, err
		}
		if err = s.Run(ctx); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// At is a server that another process started: see Where.
func At(where string) (*Server, error) {
	parts := strings.Split(where, "\n")
	if len(parts) != 3 {
		return nil, errors.New("postgrestest: that is no server")
	}
	port, err := strconv.Atoi(parts[1])
	if err != nil {
		return nil, err
	}
	bin, err := binaries()
	return &Server{Dir: parts[0], Port: port, password: parts[2], bin: bin}, err
}

// Where says to another process where this one is.
func (s *Server) Where() string {
	return strings.Join([]string{s.Dir, strconv.Itoa(s.Port), s.password}, "\n")
}

// binaries is the folder of the newest PostgreSQL of this machine.
func binaries() (string, error) {
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(all) == 0 {
		return "", errors.New("postgrestest: no PostgreSQL here: loadtest/install.sh installs it")
	}
	newest := slices.MaxFunc(all, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

func free() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// prepare makes the folder.
func (s *Server) prepare(ctx context.Context, certificate, key []byte) error {
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return err
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	files := map[string][]byte{"password": []byte(s.password)}
	if certificate != nil {
		files["tls.crt"], files["tls.key"] = certificate, key
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.Dir, name), text, 0o600); err != nil {
			return err
		}
		if err := s.own(filepath.Join(s.Dir, name)); err != nil {
			return err
		}
	}
	if err := s.own(s.Dir); err != nil {
		return err
	}
	made := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", account, "--pwfile", filepath.Join(s.Dir, "password"),
		"-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	made.Dir, made.SysProcAttr = s.Dir, &syscall.SysProcAttr{Credential: s.as}
	if out, err := made.CombinedOutput(); err != nil {
		return fmt.Errorf("postgrestest: initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

func (s *Server) own(path string) error {
	if s.as == nil {
		return nil
	}
	return os.Chown(path, int(s.as.Uid), int(s.as.Gid))
}

// Run runs it, also again after Stop.
func (s *Server) Run(ctx context.Context) error {
	args := []string{"-D", s.data(), "-k", s.Dir, "-p", strconv.Itoa(s.Port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "max_connections=80", "-c", "shared_buffers=16MB", "-c", "autovacuum=off", "-c", "logging_collector=off"}
	if _, err := os.Stat(filepath.Join(s.Dir, "tls.key")); err == nil {
		args = append(args, "-c", "ssl=on", "-c", "ssl_cert_file="+filepath.Join(s.Dir, "tls.crt"), "-c", "ssl_key_file="+filepath.Join(s.Dir, "tls.key"))
	}
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s.cmd = exec.Command(filepath.Join(s.bin, "postgres"), args...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.Dir, log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGQUIT} // tests that are killed leave nothing behind
	begun, ended := make(chan error), make(chan struct{})
	s.ended = ended
	cmd := s.cmd
	go func() {
		// It dies with the thread that began it, and a goroutine that ends with its thread may have got that one meanwhile.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		begun <- cmd.Start()
		_ = cmd.Wait()
		close(ended)
	}()
	if err := errors.Join(<-begun, log.Close()); err != nil {
		return err
	}
	return s.ready(ctx)
}

// ready waits until it answers.
func (s *Server) ready(ctx context.Context) error {
	tick, late := time.NewTicker(20*time.Millisecond), time.NewTimer(patient)
	defer tick.Stop()
	defer late.Stop()
	for {
		if _, err := s.SQL(ctx, "postgres", "SELECT 1"); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.ended:
			return fmt.Errorf("postgrestest: it ended:\n%s", s.Log())
		case <-late.C:
			s.Stop()
			return fmt.Errorf("postgrestest: it does not come up:\n%s", s.Log())
		case <-ctx.Done():
			s.Stop()
			return ctx.Err()
		}
	}
}

// Log is what it said.
func (s *Server) Log() string {
	text, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
	return string(text)
}

// Stop ends it with all of its connections, as an operator does; it can run again.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

// Crash ends it as a power cut would, but for what the kernel has.
func (s *Server) Crash() { s.end(syscall.SIGQUIT) }

// Freeze stops it where it stands, with its connections open, as a machine does that hangs; Thaw lets it go on.
func (s *Server) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (s *Server) Thaw() error { return s.signal(syscall.SIGCONT) }

// signal goes to the server first, which then starts no more of its own, and to those: each has a session to itself.
func (s *Server) signal(how syscall.Signal) error {
	parent := s.cmd.Process.Pid
	if err := syscall.Kill(parent, how); err != nil {
		return err
	}
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		return err
	}
	for _, text := range strings.Fields(string(list)) {
		pid, err := strconv.Atoi(text)
		if err == nil {
			err = syscall.Kill(pid, how)
		}
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

func (s *Server) end(how syscall.Signal) {
	_ = s.cmd.Process.Signal(how)
	_ = s.Thaw()
	late := time.NewTimer(patient)
	defer late.Stop()
	select {
	case <-s.ended:
	case <-late.C:
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// Close ends it for good.
func (s *Server) Close() error {
	s.Crash()
	return os.RemoveAll(s.Dir)
}

// URL of a database, over its socket.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://%s@:%d/%s?host=%s", account, s.Port, database, url.QueryEscape(s.Dir))
}

// TCP is URL over TCP.
func (s *Server) TCP(database string, port int) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s", account, port, database)
}

// Password of all of its databases.
func (s *Server) Password() (string, error) { return s.password, nil }

// Make makes a database unless it is there. Its own order of letters is not that of bytes.
func (s *Server) Make(ctx context.Context, database string) error {
	there, err := s.SQL(ctx, "postgres", "SELECT 1 FROM pg_database WHERE datname = '"+database+"'")
	if err != nil || there != "" {
		return err
	}
	_, err = s.SQL(ctx, "postgres", "CREATE DATABASE "+database+" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'")
	return err
}

// SQL runs statements past the program, and gives what they print: values parted by "|", rows by lines.
func (s *Server) SQL(ctx context.Context, database, text string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "psql"), "-h", s.Dir, "-p", strconv.Itoa(s.Port), "-U", account, "-d", database,
		"-XqAt", "-v", "ON_ERROR_STOP=1")
	cmd.Env = append(os.Environ(), "PGPASSWORD="+s.password, "PGCONNECT_TIMEOUT=5")
	cmd.Stdin = strings.NewReader(text)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("postgrestest: %w: %s", err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// Dump is a database as SQL text.
func (s *Server) Dump(ctx context.Context, database string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "pg_dump"), "-h", s.Dir, "-p", strconv.Itoa(s.Port), "-U", account, "-d", database,
		"--inserts", "--no-owner", "--no-privileges")
	cmd.Env = append(os.Environ(), "PGPASSWORD="+s.password)
	out, err := cmd.Output()
	lines := strings.Split(string(out), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, `\`) || strings.HasPrefix(l, "--") }) // of psql, and which version wrote it
	return []byte(strings.Join(lines, "\n")), err
}
