package main

import (
	"crypto/tls"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// files puts a new self-signed certificate of that name where an operator would, and gives its serial number.
func files(t *testing.T, dir, name string) (cert, key, serial string) {
	t.Helper()
	made := t.TempDir()
	if _, err := ownCertificate(made, name, []netip.Addr{netip.MustParseAddr("127.0.0.1")}); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"sip.crt", "sip.key"} { // the certificate first: for a moment they do not belong together
		text, err := os.ReadFile(filepath.Join(made, f))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c := &certificates{cert: filepath.Join(dir, "sip.crt"), key: filepath.Join(dir, "sip.key")}
	pair, err := c.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.cert, c.key, pair.Leaf.SerialNumber.String()
}

func dialTLS(t *testing.T, at netip.AddrPort) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", at.String(), &tls.Config{InsecureSkipVerify: true}) // only its number is looked at
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func shownSerial(c *tls.Conn) string {
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// options asks OPTIONS on a stream and gives the status line.
func options(t *testing.T, c *tls.Conn, n string) string {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	text := "OPTIONS sip:pbx.internal SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK" + n + "\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=" + n +
		"\r\nTo: <sip:pbx.internal>\r\nCall-ID: " + n + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4096)
	read, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b[:read]), "\r\n")
	return line
}

// threats.md F12: a certificate that was renewed on disk is shown to new connections without restart; the old ones live.
func TestCertificateIsReloaded(t *testing.T) {
	dir := t.TempDir()
	cert, key, first := files(t, dir, "first.example")
	l := newLab(t, func(c *Config) { c.SIP.Certificate, c.SIP.Key = cert, key })
	old := dialTLS(t, l.at("tls"))
	if got := shownSerial(old); got != first {
		t.Fatalf("serial %s, want %s", got, first)
	}
	_, _, second := files(t, dir, "second.example")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil { // or wait: the files are looked at by themselves
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for shownSerial(dialTLS(t, l.at("tls"))) != second {
		if time.Now().After(deadline) {
			t.Fatal("the old certificate is still shown")
		}
		<-time.After(100 * time.Millisecond)
	}
	if got := options(t, old, "old"); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Errorf("on the old connection: %q", got)
	}
}

// What cannot be read leaves the old in place; SIGHUP reads at once; what changes by itself is seen a second later.
func TestCertificateFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key, first := files(t, dir, "first.example")
	c := &certificates{cert: cert, key: key}
	serial := func() string {
		t.Helper()
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.String()
	}
	if serial() != first || c.unreadable() || c.expires() || c.identity() == nil || c.clientTrust() != nil {
		t.Fatal("the first certificate")
	}
	was := c.identity()
	_, _, second := files(t, dir, "second.example")
	hangup, stop, ended := make(chan os.Signal), make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); c.hangUps(hangup, stop) }()
	hangup <- syscall.SIGHUP
	close(stop)
	<-ended
	if serial() != second || c.identity() == was {
		t.Error("SIGHUP did not read the files")
	}
	if err := os.WriteFile(key, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.again()
	if serial() != second || !c.unreadable() {
		t.Error("a broken file took the certificate away, or is not told")
	}
	_, _, third := files(t, dir, "third.example")
	for deadline := time.Now().Add(time.Minute); serial() != third; <-time.After(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a change is not seen without SIGHUP")
		}
	}
	if c.unreadable() {
		t.Error("still told as broken")
	}
	c.clients = cert
	if c.again(); c.clientTrust() == nil {
		t.Error("the authorities of clients were not read")
	}
	if _, err := (&certificates{cert: "none", key: "none"}).config(); err == nil {
		t.Error("no error without files")
	}
}
