package identity

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestSlowForm: a stranger who never finishes a form does not keep a connection and a goroutine.
func TestSlowForm(t *testing.T) {
	r := newRig(t)
	r.Service.patience = 100 * time.Millisecond
	for _, path := range []string{"/identity/token", "/identity/login", "/identity/revoke"} {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(r.server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nid=1", path)
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Errorf("%s: no answer to half a form: %v", path, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

// TestSlowFormHTTP2: the same of a stream among others.
func TestSlowFormHTTP2(t *testing.T) {
	r := newRig(t)
	r.Service.patience = 100 * time.Millisecond
	s := httptest.NewUnstartedServer(r.server.Config.Handler)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	for _, path := range []string{"/identity/token", "/identity/login", "/identity/revoke"} {
		half, more := io.Pipe()
		go fmt.Fprint(more, "id=1")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, half)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := s.Client().Transport.RoundTrip(req)
		if err != nil {
			t.Errorf("%s: no answer to half a form: %v", path, err)
		} else {
			if resp.Body.Close(); resp.StatusCode < 400 || resp.ProtoMajor != 2 {
				t.Errorf("%s: %d by %s", path, resp.StatusCode, resp.Proto)
			}
		}
		half.Close()
	}
}

// TestHashingQueueEnds: while all slots are taken a sign-in is told to wait instead of piling up, and works afterwards.
func TestHashingQueueEnds(t *testing.T) {
	r := withAdmin(t)
	r.Service.patience = 300 * time.Millisecond
	for range cap(r.hashing) {
		r.hashing <- struct{}{}
	}
	if _, err := r.login().Password(t.Context(), "admin", newSecret, nil); !errors.Is(err, ErrTooMany) {
		t.Errorf("%v, want ErrTooMany", err)
	}
	for range cap(r.hashing) {
		<-r.hashing
	}
	r.Service.patience = formTimeout
	if _, err := r.login().Password(t.Context(), "admin", newSecret, nil); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
