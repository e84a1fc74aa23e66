package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/acme"
)

// httpServer is one listening HTTP server with limits against slow and large requests.
type httpServer struct {
	server *http.Server
	addr   net.Addr
	done   chan struct{}
}

// listenHTTP starts to serve; with certificates it speaks TLS and reads renewed ones by itself.
func listenHTTP(ctx context.Context, listen string, certs *certificates, h http.Handler, log *slog.Logger) (*httpServer, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, err
	}
	if certs != nil {
		config, err := certs.config()
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		if config.NextProtos = []string{"h2", "http/1.1"}; certs.prove != nil {
			config.NextProtos, h = append(config.NextProtos, acme.ALPN), noProof(h)
		}
		l = tls.NewListener(l, config)
	}
	return serveHTTP(l, h, log), nil
}

// noProof serves nobody over a connection on which an authority looked at a name (RFC 8737 section 3).
func noProof(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && r.TLS.NegotiatedProtocol == acme.ALPN {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// httpCertificates are those of http.listen; nil: it speaks no TLS.
func (p *pbx) httpCertificates() *certificates {
	c := p.config.HTTP
	if c.Certificate == "" {
		return nil
	}
	certs := &certificates{cert: c.Certificate, key: c.Key}
	if p.acme != nil && p.config.ACME.Listen == "" {
		certs.prove = p.acme.client.Certificate
	}
	return certs
}

// serveHTTP serves what comes to a listener.
func serveHTTP(l net.Listener, h http.Handler, log *slog.Logger) *httpServer {
	s := &httpServer{addr: l.Addr(), done: make(chan struct{}), server: newHTTPServer(h, log)}
	go func() {
		defer close(s.done)
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("http: server ended", "listen", l.Addr(), "err", err)
		}
	}()
	return s
}

// newHTTPServer bounds what a stranger may send before a handler knows of it: whose headers are longer is answered 431, whose headers take longer is
// cut off without an answer.
func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}

// socketPath is where browsers reach SIP on the HTTP port (RFC 7118); a wss listener takes any path.
const socketPath = "/sip"

// withSockets puts SIP over WebSocket beside the API.
func withSockets(api, sockets http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", api)
	mux.Handle(socketPath, sockets)
	return mux
}

// origins are the pages that may open a WebSocket: our own, and those of the configuration.
func (c Config) origins() []string {
	out := slices.Clone(c.SIP.Origins)
	if own, ok := originOf(c.HTTP.URL); ok {
		out = append(out, own)
	}
	return out
}

// originOf writes the origin of a URL as browsers do (RFC 6454 section 6.1). False for what has more than an origin, but for a slash.
func originOf(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return "", false
	}
	host := u.Host
	if p := u.Port(); u.Scheme == "https" && p == "443" || u.Scheme == "http" && p == "80" {
		host = strings.TrimSuffix(host, ":"+p)
	}
	return u.Scheme + "://" + strings.ToLower(host), true
}

// Close lets requests under way finish within ctx, then cuts them.
func (s *httpServer) Close(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.server.Close())
	}
	<-s.done
	return err
}

var errDraining = errors.New("shutting down")

// ready says why the switch takes no calls.
func (p *pbx) ready(context.Context) error {
	if p.signalling.draining.Load() {
		return errDraining
	}
	return nil
}
