package rest

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are in memory, so that time in them is the test's.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil } // a server does it once
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial gives the other end.
func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p <- there
	return here, nil
}

// drip is a body that comes an octet a second, and never ends.
type drip <-chan struct{} // closed: who sends has gone

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	case <-d:
		return 0, io.ErrUnexpectedEOF
	}
}

// TestSlowBody: whose body comes an octet at a time has 408 when its time is over, by HTTP/2 as by HTTP/1.1, with an idempotency key and without. A stream that is
// slow costs the others of its connection nothing.
func TestSlowBody(t *testing.T) {
	r := newRig(t)
	one, two := new(http.Protocols), new(http.Protocols)
	one.SetHTTP1(true)
	two.SetUnencryptedHTTP2(true)
	for name, protocols := range map[string]*http.Protocols{"HTTP/1.1": one, "HTTP/2": two} {
		for _, key := range []string{"", "k1"} {
			synctest.Test(t, func(t *testing.T) {
				in := make(pipes)
				server := &http.Server{Handler: r.api.handler(), Protocols: protocols}
				served := make(chan error)
				go func() { served <- server.Serve(in) }()
				transport := &http.Transport{Protocols: protocols, DialContext: in.dial}
				ctx, cancel := context.WithCancel(t.Context())
				req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://pbx/v1/domains/"+here+"/extensions/2001", drip(ctx.Done()))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer ann+admin")
				req.Header.Set("Content-Type", "application/json")
				if key != "" {
					req.Header.Set(onceHeader, key)
				}
				began := time.Now()
				resp, err := transport.RoundTrip(req)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if took := time.Since(began); resp.StatusCode != http.StatusRequestTimeout || took > 11*time.Second || resp.Proto[:6] != name[:6] {
					t.Errorf("%s, key %q: %d after %s by %s", name, key, resp.StatusCode, took, resp.Proto)
				}
				resp.Body.Close()
				cancel()
				transport.CloseIdleConnections()
				server.Close()
				<-served
			})
		}
	}
}
