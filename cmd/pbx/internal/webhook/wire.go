package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"naisen/provisioning"
)

// Errors of one attempt; callers use errors.Is.
var (
	errInternal = errors.New("webhook: address of an internal network")
	errRefused  = errors.New("webhook: receiver refused")
)

// statusError is an answer that is no success.
type statusError int

func (e statusError) Error() string { return "webhook: status " + strconv.Itoa(int(e)) }

// final errors are not worth another try: the receiver says that it is gone or elsewhere, or that this request can never be right.
func final(err error) bool {
	var s statusError
	if !errors.As(err, &s) {
		return errors.Is(err, errRefused)
	}
	return s >= 300 && s < 500 && s != http.StatusRequestTimeout && s != http.StatusTooManyRequests && s != http.StatusTooEarly
}

// wire is the HTTP side.
type wire struct {
	client *http.Client
	clock  func() time.Time
}

// newWire makes a client that uses no proxy, keeps no connection, follows nothing, and looks at the address that it really connects to: a
// name that is checked first and resolved again later may have become another (threats G8, rebinding).
func newWire(cfg Config) *wire {
	dialer := Outward(requestLimit, cfg.Loopback)
	return &wire{clock: cfg.Clock, client: &http.Client{
		Timeout:       requestLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: requestLimit},
	}}
}

// Outward connects to addresses of the internet only, whatever a name resolves to in the end; with loopback to this machine too.
func Outward(limit time.Duration, loopback bool) *net.Dialer {
	return &net.Dialer{Timeout: limit, Control: func(_, address string, _ syscall.RawConn) error { return permit(address, loopback) }}
}

// permit is asked for each address just before the connection.
func permit(address string, loopback bool) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", errInternal, err)
	}
	if provisioning.PublicAddress(a.Addr()) || loopback && a.Addr().Unmap().IsLoopback() {
		return nil
	}
	return errInternal
}

// post is one attempt. Success is any 2xx.
func (w *wire) post(ctx context.Context, d *delivery) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(d.body))
	if err != nil {
		return errRefused
	}
	at := strconv.FormatInt(w.clock().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Naisen")
	req.Header.Set("Naisen-Event", d.event)
	req.Header.Set("Naisen-Delivery", d.id)
	req.Header.Set("Naisen-Signature", "t="+at+",v1="+Sign(d.sign, at, d.body))
	resp, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // so that the receiver sees its answer taken
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return statusError(resp.StatusCode)
	}
	return nil
}

// Sign is the signature of a body sent at a time (Unix seconds, decimal): hex of HMAC-SHA256 over time, a dot and the body. The time is signed
// too, so that a receiver can refuse what is old.
func Sign(key, at string, body []byte) string {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(at + "."))
	m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}
