package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// The frames of HTTP/2 (RFC 9113 section 6) that the tests send and read, written by hand: a library's client refuses to send what these do.
const (
	h2Headers, h2Settings, h2GoAway, h2Continuation = 1, 4, 7, 9

	h2EndStream, h2EndHeaders = 1, 4
)

// h2Conn is a connection of HTTP/2 to an HTTP server of ours, behind the preface and the first SETTINGS.
func h2Conn(t *testing.T, change ...func(*http.Server)) net.Conn {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config = newHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }), slog.New(slog.DiscardHandler))
	for _, f := range change {
		f(s.Config)
	}
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	c, err := (&tls.Dialer{Config: &tls.Config{RootCAs: pool, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13}}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), h2Frame(h2Settings, 0, 0, nil)...)); err != nil {
		t.Fatal(err)
	}
	return c
}

func h2Frame(kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	out := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	return append(binary.BigEndian.AppendUint32(out, stream), payload...)
}

// h2Get is GET / as HPACK (RFC 7541 appendix A: indexed fields 2, 7 and 4, then :authority by its index).
var h2Get = []byte{0x82, 0x87, 0x84, 0x01, 1, 'x'}

// h2Filler are fields of 1,000 bytes, each a literal that goes into no table (RFC 7541 section 6.2.2).
func h2Filler(n int) []byte {
	field := append(append([]byte{0, 8}, "x-filler"...), 0x7f, 0xe9, 0x06) // 127 + 873
	return bytes.Repeat(append(field, bytes.Repeat([]byte{'a'}, 1000)...), n)
}

// h2Next reads up to a frame of a kind.
func h2Next(t *testing.T, c io.Reader, kind byte) (stream uint32, payload []byte) {
	t.Helper()
	for {
		var head [9]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			t.Fatalf("no frame of kind %d: %v", kind, err)
		}
		payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c, payload); err != nil {
			t.Fatal(err)
		}
		if head[3] == kind {
			return binary.BigEndian.Uint32(head[5:]), payload
		}
	}
}

// TestHugeHeadersHTTP2: what is a little more than 64 KB is answered 431, and the connection serves the next request.
func TestHugeHeadersHTTP2(t *testing.T) {
	t.Parallel()
	c := h2Conn(t)
	send := func(frames ...[]byte) {
		if _, err := c.Write(bytes.Join(frames, nil)); err != nil {
			t.Fatal(err)
		}
	}
	more := h2Frame(h2Continuation, 0, 1, h2Filler(15))
	send(h2Frame(h2Headers, h2EndStream, 1, h2Get), more, more, more, more, h2Frame(h2Continuation, h2EndHeaders, 1, h2Filler(4)))
	if stream, answer := h2Next(t, c, h2Headers); stream != 1 || len(answer) < 5 || answer[0] < 0x48 || answer[0] > 0x4e || string(answer[1:5]) != "\x03431" { // :status, by an index of its name (8 to 14)
		t.Errorf("stream %d: %q, want 431", stream, answer)
	}
	send(h2Frame(h2Headers, h2EndStream|h2EndHeaders, 3, h2Get))
	if stream, answer := h2Next(t, c, h2Headers); stream != 3 || len(answer) == 0 || answer[0] != 0x88 { // :status 200
		t.Errorf("stream %d: %q, want 200", stream, answer)
	}
}

// TestEndlessHeadersHTTP2: 10 MB of headers, in CONTINUATION frames without end, are PROTOCOL_ERROR and the end of the connection long before they are sent.
func TestEndlessHeadersHTTP2(t *testing.T) {
	t.Parallel()
	c := h2Conn(t)
	sent := make(chan int, 1)
	go func() {
		more := h2Frame(h2Continuation, 0, 1, h2Filler(15))
		n, err := c.Write(h2Frame(h2Headers, h2EndStream, 1, h2Get))
		for m := 0; err == nil && n < 10<<20; n += m {
			m, err = c.Write(more)
		}
		sent <- n
	}()
	_, answer := h2Next(t, c, h2GoAway)
	if len(answer) < 8 || binary.BigEndian.Uint32(answer[4:]) != 1 {
		t.Errorf("GOAWAY %x, want PROTOCOL_ERROR", answer)
	}
	rest, err := io.ReadAll(c) // the end may be a reset, since much was not read
	if ack := h2Frame(h2Settings, 1, 0, nil); len(rest) != 0 && !bytes.Equal(rest, ack) {
		t.Errorf("%x after it, %v", rest, err)
	}
	c.Close()
	if n := <-sent; n >= 10<<20 {
		t.Errorf("%d bytes were taken", n)
	}
}

// TestSlowHeadersHTTP2: whose headers come an octet a frame, without end, is told to go (GOAWAY, NO_ERROR) when a connection without a request would be, and loses
// the connection. HTTP/2 has no time of its own for headers.
func TestSlowHeadersHTTP2(t *testing.T) {
	t.Parallel()
	c := h2Conn(t, func(s *http.Server) { s.IdleTimeout = 300 * time.Millisecond })
	cut := make(chan error, 1)
	go func() {
		_, err := c.Write(h2Frame(h2Headers, h2EndStream, 1, h2Get))
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for octets := h2Filler(1); err == nil && len(octets) > 0; octets = octets[1:] {
			<-tick.C
			_, err = c.Write(h2Frame(h2Continuation, 0, 1, octets[:1]))
		}
		cut <- err
	}()
	if _, answer := h2Next(t, c, h2GoAway); len(answer) < 8 || binary.BigEndian.Uint32(answer[4:]) != 0 {
		t.Errorf("GOAWAY %x, want NO_ERROR", answer)
	}
	if rest, err := io.ReadAll(c); len(rest) != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%x after it, %v", rest, err)
	}
	if err := <-cut; err == nil {
		t.Error("all of it was taken")
	}
}
