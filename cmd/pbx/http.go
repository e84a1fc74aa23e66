package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// httpServer is one listening HTTP server with limits against slow and large requests.
type httpServer struct {
	server *http.Server
	addr   net.Addr
	done   chan struct{}
}

// listenHTTP starts to serve; with a certificate it speaks TLS and reads a renewed one by itself.
func listenHTTP(ctx context.Context, listen, cert, key string, h http.Handler, log *slog.Logger) (*httpServer, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, err
	}
	s := &httpServer{addr: l.Addr(), done: make(chan struct{}), server: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}}
	if cert != "" {
		config, err := (&certificates{cert: cert, key: key}).config()
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		config.NextProtos = []string{"h2", "http/1.1"}
		l = tls.NewListener(l, config)
	}
	go func() {
		defer close(s.done)
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("http: server ended", "listen", listen, "err", err)
		}
	}()
	return s, nil
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
