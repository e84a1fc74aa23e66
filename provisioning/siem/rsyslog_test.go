package siem

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const rsyslogd = "/usr/sbin/rsyslogd"

// rsyslogConf reads RFC 5424 over mutual TLS and writes what it understood of each message.
const rsyslogConf = `
global(workDirectory="DIR" maxMessageSize="16k" defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="DIR/ca.pem" defaultNetstreamDriverCertFile="DIR/server.pem" defaultNetstreamDriverKeyFile="DIR/server.key")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/name" permittedPeer=["pbx"])
input(type="imtcp" address="127.0.0.1" port="PORT" listenPortFileName="DIR/port")
template(name="understood" type="string" string="%pri% %app-name% %msgid% %structured-data% %msg%\n")
action(type="omfile" file="DIR/out" template="understood" flushOnTXEnd="on" asyncWriting="off")
`

// rsyslog is Debian's log server as a process of the test.
type rsyslog struct {
	dir  string
	cmd  *exec.Cmd
	log  bytes.Buffer
	port string
}

func (r *rsyslog) start(t *testing.T) {
	t.Helper()
	port := r.port
	if port == "" {
		port = "0"
	}
	conf := strings.NewReplacer("DIR", r.dir, "PORT", port).Replace(rsyslogConf)
	if err := os.WriteFile(filepath.Join(r.dir, "conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{"port", "pid"} { // by one that was killed
		_ = os.Remove(filepath.Join(r.dir, left))
	}
	r.cmd = exec.CommandContext(t.Context(), rsyslogd, "-n", "-f", filepath.Join(r.dir, "conf"), "-i", filepath.Join(r.dir, "pid"))
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.until(t, func() bool {
		if r.port != "" { // it tells of a port only that it chose itself
			c, err := net.Dial("tcp", "127.0.0.1:"+r.port)
			return err == nil && c.Close() == nil
		}
		text, _ := os.ReadFile(filepath.Join(r.dir, "port"))
		r.port = strings.TrimSpace(string(text))
		return r.port != ""
	})
}

func (r *rsyslog) stop(t *testing.T, s os.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait() // it was killed
}

// until waits for something to become so.
func (r *rsyslog) until(t *testing.T, so func() bool) {
	t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("rsyslogd: %s", r.log.String())
		}
	}
}

// lines is what rsyslog wrote.
func (r *rsyslog) lines() []string {
	text, _ := os.ReadFile(filepath.Join(r.dir, "out"))
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// TestRsyslog: Debian's rsyslog over mutual TLS understands every message, is killed in between, and has all of them in order in the end.
func TestRsyslog(t *testing.T) {
	for _, file := range []string{rsyslogd, "/usr/share/doc/rsyslog-gnutls"} {
		if _, err := os.Stat(file); err != nil {
			t.Fatalf("%s is not here: loadtest/install.sh installs it", file)
		}
	}
	ca, r := newAuthority(t), &rsyslog{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(r.dir, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	files(t, r.dir, "server", ca.issue(t, "log.example", x509.ExtKeyUsageServerAuth))
	r.start(t)
	log := &memory{}
	log.add(t, some(100)...)
	x := exporter(t, Config{Address: "127.0.0.1:" + r.port, Transport: TLS, Format: OCSF, Log: log, Cursor: filepath.Join(t.TempDir(), "c"), Settle: 300 * time.Millisecond,
		TLS: &tls.Config{RootCAs: ca.pool, ServerName: "log.example", Certificates: []tls.Certificate{ca.issue(t, "pbx", x509.ExtKeyUsageClientAuth)}}})
	r.until(t, func() bool { return x.Stats().Settled == 100 })
	r.stop(t, syscall.SIGKILL)
	log.add(t, some(150)...)
	r.until(t, func() bool { return x.Stats().Failure != "" })
	r.start(t)
	r.until(t, func() bool { return x.Stats().Settled == 250 })
	r.until(t, func() bool { return strings.Contains(strings.Join(r.lines(), "\n"), `sequenceId="250"`) })
	x.Close()
	r.stop(t, syscall.SIGTERM)
	next := int64(1)
	for _, line := range r.lines() {
		f := strings.SplitN(line, " ", 4)
		if len(f) < 4 || f[0] != "109" || f[1] != "naisen" || f[2] != "extension.put" {
			t.Fatalf("rsyslog understood %q", line)
		}
		var event struct {
			Metadata struct{ UID int64 }
			Entity   struct{ Name string }
		}
		at := strings.Index(line, "] {")
		if at < 0 || json.Unmarshal([]byte(line[at+2:]), &event) != nil || !strings.Contains(line, fmt.Sprintf(`sequenceId="%d"`, event.Metadata.UID)) {
			t.Fatalf("rsyslog understood %q", line)
		}
		if event.Metadata.UID > next {
			t.Fatalf("entry %d is missing", next)
		}
		if event.Metadata.UID == next {
			next++
		}
	}
	if next != 251 {
		t.Errorf("%d entries arrived", next-1)
	}
}
