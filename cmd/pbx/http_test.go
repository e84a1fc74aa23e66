package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// knock opens a connection to an HTTP server of ours whose patience with headers is short.
func knock(t *testing.T, patience time.Duration) net.Conn {
	t.Helper()
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	s := httptest.NewUnstartedServer(nil)
	s.Config = newHTTPServer(h, slog.New(slog.DiscardHandler))
	if s.Config.ReadHeaderTimeout <= 0 || s.Config.ReadHeaderTimeout > 10*time.Second || s.Config.MaxHeaderBytes != 64<<10 {
		t.Errorf("headers may take %v and %d bytes", s.Config.ReadHeaderTimeout, s.Config.MaxHeaderBytes)
	}
	s.Config.ReadHeaderTimeout = patience
	s.Start()
	t.Cleanup(s.Close)
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestHugeHeaders: 10 MB of headers are answered 431 after 64 KB, and the connection is closed; whoever asks next is served.
func TestHugeHeaders(t *testing.T) {
	t.Parallel()
	c := knock(t, 10*time.Second)
	sent := make(chan int, 1)
	go func() {
		n, _ := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\n")
		line := "X-Filler: " + strings.Repeat("a", 1000) + "\r\n"
		for n < 10<<20 {
			m, err := io.WriteString(c, line)
			if n += m; err != nil {
				break
			}
		}
		sent <- n
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge || !resp.Close {
		t.Errorf("%d, close %v; want 431 and the end of the connection", resp.StatusCode, resp.Close)
	}
	c.Close()
	if n := <-sent; n >= 10<<20 {
		t.Errorf("%d bytes were taken", n)
	}
}

// TestSlowHeaders: whoever never ends their headers gets no answer and loses the connection when the time is over; a whole request is answered.
func TestSlowHeaders(t *testing.T) {
	t.Parallel()
	c := knock(t, 200*time.Millisecond)
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	got, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) || len(got) != 0 {
		t.Errorf("%q, %v; want the end of the connection without a byte", got, err)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays")
	}
	whole := knock(t, 5*time.Second)
	fmt.Fprintf(whole, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(whole), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v", err)
	}
	resp.Body.Close()
}
