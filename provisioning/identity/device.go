package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"
)

// Bounds of a sign-in on another device: how often it is asked for, and how long it is waited for.
const (
	minPoll   = time.Second
	maxPoll   = time.Minute
	maxDevice = 30 * time.Minute
)

// Device signs in where there is no browser (RFC 8628): show is given an address and a code that the person enters there, on any device; complete is the
// address that holds the code, or empty. It waits until the person did, said no, or let the code run out. Errors: ErrLogin, and those of ctx.
func (l Login) Device(ctx context.Context, show func(at, code, complete string) error) (Tokens, error) {
	f, err := l.start(ctx, "")
	if err != nil {
		return Tokens{}, err
	}
	if checkURL(f.conf.Endpoint.DeviceAuthURL) != nil {
		return Tokens{}, fmt.Errorf("%w: the issuer does not offer it for devices", ErrLogin)
	}
	f.client.Timeout, f.client.Transport = 0, whole{f.client.Transport}
	d, err := f.conf.DeviceAuth(f.context(ctx), l.asked()...)
	if err != nil {
		_, err = tokensOf(nil, err)
		return Tokens{}, err
	}
	if err := checkDevice(d); err != nil {
		return Tokens{}, err
	}
	if err := show(d.VerificationURI, d.UserCode, d.VerificationURIComplete); err != nil {
		return Tokens{}, err
	}
	t, err := f.conf.DeviceAccessToken(f.context(ctx), d, f.target...)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return Tokens{}, fmt.Errorf("%w: nobody entered the code in time", ErrLogin)
	}
	return tokensOf(t, err)
}

// whole reads each answer to its end and within loginTimeout: x/oauth2 does not close that of the authorization request, and gives it no context.
type whole struct{ next http.RoundTripper }

func (w whole) RoundTrip(r *http.Request) (*http.Response, error) {
	next := w.next
	if next == nil {
		next = http.DefaultTransport
	}
	ctx, cancel := context.WithTimeout(r.Context(), loginTimeout)
	defer cancel()
	resp, err := next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxKeyDocument))
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return resp, nil
}

// checkDevice bounds what the issuer says; it is shown on a terminal and decides how often we ask.
func checkDevice(d *oauth2.DeviceAuthResponse) error {
	if d.DeviceCode == "" || d.UserCode == "" || len(d.UserCode) > 64 || strings.ContainsFunc(d.UserCode, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("%w: no code to show", ErrLogin)
	}
	if checkURL(d.VerificationURI) != nil || strings.ContainsFunc(d.VerificationURI+d.VerificationURIComplete, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%w: no address to show", ErrLogin)
	}
	if rest, ok := strings.CutPrefix(d.VerificationURIComplete, d.VerificationURI); !ok || rest == "" {
		d.VerificationURIComplete = "" // it leads elsewhere
	}
	if d.Interval != 0 {
		d.Interval = int64(min(max(time.Duration(d.Interval)*time.Second, minPoll), maxPoll) / time.Second)
	}
	if last := time.Now().Add(maxDevice); d.Expiry.IsZero() || d.Expiry.After(last) {
		d.Expiry = last
	}
	return nil
}
