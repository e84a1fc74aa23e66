package stack

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// SIP over WebSocket (RFC 7118): its own TLS listener ("wss"), and a handler for a path of any HTTP server. The handshake is net/http's and
// the frames are coder/websocket's; sipgo's server is not used (see ARCHITECTURE.md, decision 1).
const (
	subprotocol    = "sip"    // RFC 7118 section 4.1
	socketBytes    = 64 << 10 // one WebSocket message, fragments together; Limits.MessageBytes is below it
	headerBytes    = 16 << 10 // of the handshake
	httpIdle       = 10 * time.Second
	pingInterval   = 30 * time.Second // a browser that went to sleep is found within it and pongTime
	pongTime       = 20 * time.Second
	pingsPerSecond = 2
	pingBurst      = 20
)

// Status codes with which we end a WebSocket (RFC 6455 section 7.4.1); 4401 is ours, after HTTP's 401.
const (
	closeProtocol = websocket.StatusProtocolError           // 1002
	closeText     = websocket.StatusInvalidFramePayloadData // 1007
	closePolicy   = websocket.StatusPolicyViolation         // 1008
	closeSlow     = websocket.StatusTryAgainLater           // 1013
	closeExpired  = websocket.StatusCode(4401)
)

// WebSocket takes SIP over WebSocket at a path of somebody else's HTTP server. The Stack must be served.
func (s *Stack) WebSocket() http.Handler { return front{s: s} }

// front takes the handshakes. counted: their connections are in the pool's count since they were accepted.
type front struct {
	s       *Stack
	counted bool
}

// ServeHTTP implements http.Handler: it returns when the WebSocket has ended.
func (f front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := f.s
	switch status, why := s.handshake(r); {
	case status != 0:
		s.stats.refused.Add(1)
		http.Error(w, why, status)
		return
	case s.closing():
		w.Header().Set("Retry-After", "5")
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !f.counted && !s.reserve(remote.Addr().Unmap()) {
		s.stats.shed.Add(1)
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many connections", http.StatusServiceUnavailable)
		return
	}
	if !f.counted {
		defer s.release(remote.Addr().Unmap())
	}
	f.upgrade(w, r)
}

// handshake says why a request is refused before it costs anything; 0: it is not. The rest of RFC 6455 section 4.2.1 is the library's.
func (s *Stack) handshake(r *http.Request) (status int, why string) {
	offered := strings.Split(strings.Join(r.Header.Values("Sec-WebSocket-Protocol"), ","), ",")
	if !slices.ContainsFunc(offered, func(p string) bool { return strings.TrimSpace(p) == subprotocol }) {
		return http.StatusBadRequest, `the WebSocket subprotocol "sip" is needed (RFC 7118)`
	}
	origins := r.Header.Values("Origin")
	if len(origins) > 1 || len(origins) == 1 && !slices.ContainsFunc(s.cfg.Origins, func(o string) bool { return strings.EqualFold(o, origins[0]) }) {
		return http.StatusForbidden, "this origin is not allowed"
	}
	return 0, ""
}

// seized is a ResponseWriter that remembers the connection under it.
type seized struct {
	http.ResponseWriter
	raw net.Conn
}

// Hijack implements http.Hijacker.
func (h *seized) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.raw = c
	return c, rw, err
}

func (f front) upgrade(w http.ResponseWriter, r *http.Request) {
	s := f.s
	var c *conn
	pings := bucket{tokens: pingBurst, at: time.Now()}
	hold := &seized{ResponseWriter: w}
	ws, err := websocket.Accept(hold, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol}, CompressionMode: websocket.CompressionDisabled,
		InsecureSkipVerify: true, // handshake did it: the library would trust whatever Host the client names
		OnPingReceived: func(context.Context, []byte) bool {
			ok := pings.take(time.Now(), pingsPerSecond, pingBurst)
			if !ok {
				c.farewell(closePolicy, "too many pings")
			}
			return ok
		},
	})
	if err != nil {
		s.stats.refused.Add(1)
		return
	}
	ws.SetReadLimit(socketBytes)
	transport := "ws"
	if r.TLS != nil {
		transport = "wss"
	}
	tuneSocket(hold.raw)
	c = s.newConn(hold.raw, hold.raw, transport)
	c.ws = ws
	s.vouch(c.flow)
	if !s.remember(c) {
		c.close()
		return
	}
	s.stats.sockets.Add(1)
	c.serve()
	s.stats.sockets.Add(-1)
}

// countedListener counts connections from their first byte on, before TLS or HTTP costs anything.
type countedListener struct {
	net.Listener
	s *Stack
}

// Accept implements net.Listener.
func (l countedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		remote := addrPort(c.RemoteAddr()).Addr()
		if l.s.reserve(remote) {
			return &countedConn{Conn: c, release: func() { l.s.release(remote) }}, nil
		}
		l.s.stats.shed.Add(1)
		_ = c.Close()
	}
}

type countedConn struct {
	net.Conn
	release func()
	once    sync.Once
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	c.once.Do(c.release)
	return c.Conn.Close()
}

// socketListener is one listening "wss" socket of ours.
type socketListener struct {
	s      *Stack
	ln     net.Listener
	server *http.Server
}

func (s *Stack) newSocketListener(ln net.Listener) *socketListener {
	return &socketListener{s: s, ln: ln, server: &http.Server{
		Handler: front{s: s, counted: true}, ReadHeaderTimeout: handshakeTime, IdleTimeout: httpIdle, MaxHeaderBytes: headerBytes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}}
}

// serve accepts until the server is closed. net/http bounds the TLS handshake by ReadHeaderTimeout, and waits when descriptors run out.
func (l *socketListener) serve() {
	secured := tls.NewListener(countedListener{l.ln, l.s}, &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			cfg, err := l.s.serverTLS()
			if err == nil {
				cfg = cfg.Clone()
				cfg.NextProtos = []string{"http/1.1"} // an Upgrade is HTTP/1.1's
				cfg.ClientAuth = tls.NoClientCert     // a browser that is asked for a certificate gives up a WebSocket
			}
			return cfg, err
		},
	})
	if err := l.server.Serve(secured); !errors.Is(err, http.ErrServerClosed) && !l.s.closing() {
		l.s.log.Error("sip websocket listener ended", "local", l.ln.Addr(), "err", err)
	}
}

func (l *socketListener) close() {
	_ = l.server.Close()
	_ = l.ln.Close()
}
