package playback

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// What a stranger writes into a path or a query is data: SQL text ends at a NUL, and the answer must not tell that it came so far.
func TestHostileNames(t *testing.T) {
	h := newHouse(t)
	h.add(t, "r1", "100", began)
	for _, id := range []string{"r1%00", "%00", "r1%00'%20OR%201=1%20--", "'%20OR%20'1'='1", "%ff%fe", "r1%5c", strings.Repeat("x", 5000)} {
		for _, path := range []string{base + "/" + id, base + "/" + id + "/audio", "/v1/domains/a.example" + id + "/recordings/r1/audio"} {
			if w := h.ask("GET", path, ""); w.Code != 401 {
				t.Errorf("without a token, %.80s: %d, want 401", path, w.Code)
			}
			if w := h.ask("GET", path, "listen:*,list:*"); w.Code != 404 {
				t.Errorf("with all rights, %.80s: %d, want 404: %.100s", path, w.Code, w.Body)
			}
		}
	}
	for _, field := range []string{"number", "party", "state"} {
		for _, value := range []string{"100%00", "%ff", "'%20OR%201=1%20--"} {
			w := h.ask("GET", base+"?"+field+"="+value, "list:*")
			if w.Code != 200 || strings.Contains(w.Body.String(), "r1") {
				t.Errorf("%s=%s: %d %.100s", field, value, w.Code, w.Body)
			}
		}
	}
}

// A header of many ranges would cost one request to the store for each of them: it is answered as a whole (RFC 9110 section 14.2 allows that).
func TestManyRanges(t *testing.T) {
	h := newHouse(t)
	h.add(t, "r1", "100", began)
	var many strings.Builder
	many.WriteString("bytes=0-0")
	for i := range 500 {
		fmt.Fprintf(&many, ",%d-%d", i%2*100_000, i%2*100_000)
	}
	h.store.gets.Store(0)
	w := h.ask("GET", base+"/r1/audio", "listen:100", "Range", many.String())
	if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), h.wav["r1"]) {
		t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
	}
	if n := h.store.gets.Load(); n > 5 {
		t.Errorf("%d requests to the store", n)
	}
	if log := h.gate.log(); !strings.HasPrefix(log[0], "begin listen r1 bytes=0-0,") {
		t.Errorf("audit: %q", log)
	}
}

// A listener who stops reading does not keep the recording open: the answer's deadline moves with what was taken.
func TestStalledListener(t *testing.T) {
	h := newHouse(t)
	h.stall = 200 * time.Millisecond
	h.add(t, "r1", "100", began)
	done := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		h.ServeHTTP(w, r)
	}))
	srv.Config.ConnState = func(c net.Conn, s http.ConnState) { // so that the sockets do not take the whole recording
		if tcp, ok := c.(*net.TCPConn); ok && s == http.StateNew {
			_ = tcp.SetWriteBuffer(4 << 10)
		}
	}
	srv.Start()
	defer srv.Close()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	fmt.Fprintf(c, "GET %s/r1/audio HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer listen:100\r\n\r\n", base)
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		t.Fatal("the answer still waits for its reader")
	}
	if log := h.gate.log(); len(log) != 2 || !strings.Contains(log[1], "timeout") {
		t.Errorf("audit: %q", log)
	}
}
