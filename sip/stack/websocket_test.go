package stack_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"naisen/sip/stack"
)

const portal = "https://portal.example.jp"

// socketServer is a stack with SIP over WebSocket at a path of an HTTP server.
func socketServer(t *testing.T, cfg stack.Config, u *tu) (s *stack.Stack, host string) {
	t.Helper()
	cfg.Listen = append(cfg.Listen, stack.Listen{Transport: "udp", Addr: netip.AddrPortFrom(loopback, 0)})
	cfg.Origins = []string{portal}
	s = serve(t, cfg, u)
	web := httptest.NewServer(s.WebSocket())
	t.Cleanup(func() { _ = s.Close(); web.Close() })
	return s, strings.TrimPrefix(web.URL, "http://")
}

// dialSocket opens a WebSocket as a browser does.
func dialSocket(t *testing.T, url string, hc *http.Client) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"sip"}, HTTPClient: hc, HTTPHeader: http.Header{"Origin": {portal}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	if c.Subprotocol() != "sip" {
		t.Fatalf("subprotocol %q", c.Subprotocol())
	}
	c.SetReadLimit(1 << 20)
	return c
}

// browserOptions is what JsSIP writes: hosts that exist nowhere, and no Content-Length.
func browserOptions(callID string) string {
	return "OPTIONS sip:pbx.example.com SIP/2.0\r\nVia: SIP/2.0/WSS 5nd0g7d9jvqe.invalid;branch=z9hG4bK" + callID + "\r\nMax-Forwards: 70\r\n" +
		"From: <sip:2001@example.com>;tag=a\r\nTo: <sip:2001@example.com>\r\nCall-ID: " + callID + "\r\nCSeq: 1 OPTIONS\r\n" +
		"Contact: <sip:k3f8@5nd0g7d9jvqe.invalid;transport=ws;ob>\r\n\r\n"
}

func readSocket(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, b, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeText(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// closedWith reads until the stack has closed the socket and gives the status code.
func closedWith(t *testing.T, c *websocket.Conn) websocket.StatusCode {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		if _, _, err := c.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// A request over WSS is answered on its socket; the socket is a flow on which the phone is called, and on nothing else (RFC 7118 section 5).
func TestSecureWebSocket(t *testing.T) {
	a := newAuthority(t, "ca")
	_, pair := a.issue(named("pbx.example.com"))
	flows := make(chan *stack.Flow, 1)
	u := &tu{request: func(tx *stack.ServerTx) { flows <- tx.Request().Flow; answer(200)(tx) }}
	s := serve(t, stack.Config{Listen: []stack.Listen{{Transport: "wss", Addr: netip.AddrPortFrom(loopback, 0), Advertise: "pbx.example.com"}}, Origins: []string{portal},
		TLS: func() (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
		}}, u)
	hc := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	at := s.LocalAddrs()[0].Addr
	c := dialSocket(t, "wss://"+at.String()+"/", hc)
	writeText(t, c, browserOptions("one"))
	if got := readSocket(t, c); !strings.HasPrefix(got, "SIP/2.0 200 ") || !strings.Contains(got, "received=127.0.0.1") {
		t.Fatalf("answer %q", got)
	}
	f := <-flows
	if f.Transport() != "wss" || !f.Secure() || !f.Web() || !f.Alive() {
		t.Errorf("flow %s secure %v web %v alive %v", f.Transport(), f.Secure(), f.Web(), f.Alive())
	}
	if got := s.Contact("x", stack.Target{Flow: f}).String(); got != fmt.Sprintf("sip:x@pbx.example.com:%d;transport=ws", at.Port()) {
		t.Errorf("our Contact %s", got)
	}
	var r results
	s.Send(outgoing("OPTIONS", "call"), stack.Target{Flow: f}, r.on)
	got := readSocket(t, c)
	if !strings.HasPrefix(got, "OPTIONS ") || !strings.Contains(got, "Via: SIP/2.0/WSS pbx.example.com:") {
		t.Errorf("a request to the browser: %q", got)
	}
	if n := s.Stats().WebSockets; n != 1 {
		t.Errorf("%d sockets counted", n)
	}
	_ = c.Close(websocket.StatusNormalClosure, "")
	eventually(t, func() bool { return !f.Alive() && s.Stats().WebSockets == 0 && s.Stats().Connections == 0 })
	if _, _, closed := u.counts(); closed != 1 {
		t.Errorf("FlowClosed %d times", closed)
	}
	failed := make(chan error, 1)
	s.Send(outgoing("OPTIONS", "late"), stack.Target{Flow: f}, func(_ *stack.ClientTx, r stack.Result) { failed <- r.Err })
	if err := <-failed; err != stack.ErrFlowGone {
		t.Errorf("a request to a socket that is gone: %v", err)
	}
}

func eventually(t *testing.T, f func() bool) {
	t.Helper()
	deadline, tick := time.NewTimer(15*time.Second), time.NewTicker(5*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("waited in vain")
		}
	}
}

// F8, the handshake: whoever does not speak sip, or comes from another page, is refused before anything is kept.
func TestWebSocketHandshake(t *testing.T) {
	s, host := socketServer(t, stack.Config{}, &tu{request: answer(200)})
	for _, c := range []struct {
		name, protocols, origin string
		method                  string
		want                    int
	}{
		{"a browser", "sip", portal, "GET", 101},
		{"several subprotocols", "xmpp, sip", portal, "GET", 101},
		{"origin in capitals", "sip", "HTTPS://PORTAL.example.jp", "GET", 101},
		{"no browser", "sip", "", "GET", 101},
		{"no subprotocol", "", portal, "GET", 400},
		{"another subprotocol", "xmpp", portal, "GET", 400},
		{"another origin", "sip", "https://evil.example", "GET", 403},
		{"an origin that contains ours", "sip", portal + ".evil.example", "GET", 403},
		{"ours without TLS", "sip", "http://portal.example.jp", "GET", 403},
		{"a page from a file", "sip", "null", "GET", 403},
		{"the host that the client names", "sip", "http://" + host, "GET", 403}, // a name that a stranger can let lead here
		{"POST", "sip", portal, "POST", 405},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+host+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
			"Sec-WebSocket-Protocol": c.protocols, "Origin": c.origin} {
			if v != "" {
				req.Header.Set(k, v)
			}
		}
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.name, resp.StatusCode, c.want)
		}
	}
	if n := s.Stats().Refused; n != 8 {
		t.Errorf("%d refusals counted, want 8", n)
	}
	eventually(t, func() bool { return s.Stats().Connections == 0 })
}

// rawSocket is a client that may send any frame.
type rawSocket struct {
	net.Conn
	r *bufio.Reader
}

func dialRaw(t *testing.T, host string) *rawSocket {
	t.Helper()
	c, err := net.DialTimeout("tcp", host, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
		"Sec-WebSocket-Protocol: sip\r\n\r\n")
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("handshake: %v", err)
	}
	return &rawSocket{c, r}
}

// frame makes a masked frame; the mask is zero, which leaves the payload as it is.
func wsFrame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// closing reads frames until the close frame and gives its code; 0: there was none.
func (c *rawSocket) closing(t *testing.T) uint16 {
	t.Helper()
	for {
		var head [2]byte
		if _, err := io.ReadFull(c.r, head[:]); err != nil {
			return 0
		}
		n := int(head[1])
		if n == 126 {
			var l [2]byte
			_, _ = io.ReadFull(c.r, l[:])
			n = int(binary.BigEndian.Uint16(l[:]))
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(c.r, payload); err != nil {
			return 0
		}
		if head[0]&15 == 8 && n >= 2 {
			return binary.BigEndian.Uint16(payload)
		}
	}
}

// F8, the frames: each is answered by the code that RFC 6455 gives it, and by memory that stays bounded.
func TestWebSocketFrames(t *testing.T) {
	_, host := socketServer(t, stack.Config{}, &tu{request: answer(200)})
	huge := append([]byte{0x81, 0x80 | 127}, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)
	fragments := wsFrame(0x01, []byte("O"))
	for range 70 << 10 {
		fragments = append(fragments, wsFrame(0x00, []byte("x"))...)
	}
	pings := bytes.Repeat(wsFrame(0x89, []byte("are you there")), 200)
	for _, c := range []struct {
		name string
		send []byte
		want uint16
	}{
		{"unmasked", []byte{0x81, 2, '\r', '\n'}, 1002},
		{"reserved bits", wsFrame(0xF1, []byte("x")), 1002},
		{"unknown opcode", wsFrame(0x83, []byte("x")), 1002},
		{"continuation of nothing", wsFrame(0x80, []byte("x")), 1002},
		{"fragmented ping", wsFrame(0x09, []byte("x")), 1002},
		{"length 2^63", append([]byte{0x81, 0xff, 0x80}, make([]byte, 11)...), 1002},
		{"length 2^63-1", append(huge, make([]byte, 80<<10)...), 1009},
		{"65 KiB", wsFrame(0x81, make([]byte, 65<<10)), 1009},
		{"70,000 fragments of one byte", fragments, 1009},
		{"text that is not UTF-8", wsFrame(0x81, []byte("OPTIONS \xff\xfe")), 1007},
		{"ping flood", pings, 1008},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			r := dialRaw(t, host)
			go func() { _, _ = r.Write(c.send) }()
			if got := r.closing(t); got != c.want {
				t.Errorf("closed with %d, want %d", got, c.want)
			}
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
				t.Errorf("the heap grew by %d bytes", grown)
			}
		})
	}
	// And one that was cut into honest pieces is taken.
	r := dialRaw(t, host)
	text := browserOptions("pieces")
	_, _ = r.Write(append(append(wsFrame(0x01, []byte(text[:10])), wsFrame(0x00, []byte(text[10:100]))...), wsFrame(0x80, []byte(text[100:]))...))
	if line, err := peekMessage(r.r); err != nil || !strings.HasPrefix(line, "SIP/2.0 200 ") {
		t.Errorf("in three fragments: %q %v", line, err)
	}
}

func peekMessage(r *bufio.Reader) (string, error) {
	b, err := r.Peek(20)
	if err != nil {
		return "", err
	}
	return string(b[4:]), nil
}

// CRLFs keep a flow alive (RFC 5626); what is no SIP is dropped and the socket stays; a body of any bytes goes as it is.
func TestWebSocketMessages(t *testing.T) {
	s, host := socketServer(t, stack.Config{}, &tu{request: func(tx *stack.ServerTx) {
		r := stack.NewResponse(tx.Request(), 200, "")
		r.SetBody("application/octet-stream", []byte{0xff, 0xfe, 0})
		_ = tx.Respond(r)
	}})
	c := dialSocket(t, "ws://"+host, nil)
	writeText(t, c, "\r\n\r\n")
	if got := readSocket(t, c); got != "\r\n" {
		t.Errorf("pong %q", got)
	}
	writeText(t, c, "\r\n")
	writeText(t, c, "GET / HTTP/1.1\r\n\r\n")
	writeText(t, c, browserOptions("body"))
	kind, b, err := c.Read(t.Context())
	if err != nil || kind != websocket.MessageBinary || !bytes.HasSuffix(b, []byte{0xff, 0xfe, 0}) {
		t.Errorf("%v %v %q", kind, err, b)
	}
	if n := s.Stats().Malformed; n != 1 {
		t.Errorf("%d malformed", n)
	}
}

// F9: who does not read loses the socket with 1013 and nobody else anything.
func TestWebSocketSlowReader(t *testing.T) {
	flows := make(chan *stack.Flow, 2)
	s, host := socketServer(t, stack.Config{}, &tu{request: func(tx *stack.ServerTx) { flows <- tx.Request().Flow; answer(200)(tx) }})
	slow, other := dialSocket(t, "ws://"+host, nil), dialSocket(t, "ws://"+host, nil)
	writeText(t, slow, browserOptions("slow"))
	f := <-flows
	req := outgoing("NOTIFY", "n")
	req.SetBody("text/plain", bytes.Repeat([]byte("x"), 8000))
	sent := 0
	for ; sent < 10_000 && f.Alive(); sent++ {
		r := req.Clone()
		r.Set("Call-ID", fmt.Sprint("n", sent))
		s.Send(r, stack.Target{Flow: f}, func(*stack.ClientTx, stack.Result) {})
		if sent%50 == 0 {
			runtime.Gosched()
		}
	}
	eventually(t, func() bool { return !f.Alive() })
	writeText(t, other, browserOptions("other"))
	if got := readSocket(t, other); !strings.HasPrefix(got, "SIP/2.0 200 ") {
		t.Errorf("the other one got %q", got)
	}
	if code := closedWith(t, slow); code != websocket.StatusTryAgainLater {
		t.Errorf("closed with %d after %d NOTIFYs, want 1013", code, sent)
	}
}

// F10: when the token has run out the socket ends with 4401, unless a new one came before.
func TestWebSocketEndsWithItsToken(t *testing.T) {
	flows := make(chan *stack.Flow, 1)
	_, host := socketServer(t, stack.Config{}, &tu{request: func(tx *stack.ServerTx) { flows <- tx.Request().Flow; answer(200)(tx) }})
	c := dialSocket(t, "ws://"+host, nil)
	writeText(t, c, browserOptions("t"))
	f := <-flows
	readSocket(t, c)
	f.EndAt(time.Now().Add(time.Millisecond * 20))
	f.EndAt(time.Now().Add(time.Hour)) // a fresh token in time
	writeText(t, c, browserOptions("u"))
	readSocket(t, c)
	<-flows
	if !f.Alive() {
		t.Fatal("closed though the token is good")
	}
	f.EndAt(time.Now().Add(20 * time.Millisecond))
	if code := closedWith(t, c); code != 4401 {
		t.Errorf("closed with %d, want 4401", code)
	}
	if f.Alive() {
		t.Error("the flow lives on")
	}
}

// The number of sockets is bounded for one source and in all, and counted down again.
func TestWebSocketsAreBounded(t *testing.T) {
	s, host := socketServer(t, stack.Config{Limits: stack.Limits{PerAddress: 2}}, &tu{})
	first := dialSocket(t, "ws://"+host, nil)
	dialSocket(t, "ws://"+host, nil)
	_, resp, err := websocket.Dial(t.Context(), "ws://"+host, &websocket.DialOptions{Subprotocols: []string{"sip"}})
	if err == nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Fatalf("the third one: %v", err)
	}
	_ = first.Close(websocket.StatusNormalClosure, "")
	eventually(t, func() bool { return s.Stats().Connections == 1 })
	dialSocket(t, "ws://"+host, nil)
}

// FuzzWebSocket sends any bytes behind a handshake: nothing may panic or stay open after the client has gone.
func FuzzWebSocket(f *testing.F) {
	f.Add(wsFrame(0x81, []byte(browserOptions("f"))))
	f.Add(append(wsFrame(0x01, []byte("OPTIONS ")), wsFrame(0x80, []byte("sip:x SIP/2.0\r\n\r\n"))...))
	f.Add(wsFrame(0x88, []byte{3, 232}))
	f.Add([]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4})
	s, err := stack.New(stack.Config{Listen: []stack.Listen{{Transport: "udp", Addr: netip.AddrPortFrom(loopback, 0)}}, Limits: stack.Limits{Rate: 1e9, RatePerSource: 1e9}},
		&tu{request: answer(200)}, nil)
	if err != nil {
		f.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- s.Serve(ctx) }()
	web := httptest.NewServer(s.WebSocket())
	f.Cleanup(func() { cancel(); <-ended; web.Close() })
	f.Fuzz(func(t *testing.T, b []byte) {
		r := dialRaw(t, strings.TrimPrefix(web.URL, "http://"))
		if len(b) > 100<<10 {
			return
		}
		_, _ = r.Write(b)
		_ = r.Conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, r.r)
		_ = r.Close()
		if s.Stats().Panics != 0 {
			t.Error("a panic")
		}
	})
}
