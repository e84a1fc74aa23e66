// Package push wakes telephones that sleep: it asks the push notification service of a device's maker to deliver a message (RFC 8599), by one
// provider for each service. It owns the queues towards the services, what they are told, and what their answers mean. It never decides who
// is called, never keeps a device's token longer than a message needs it, and tells a service nothing of a call but that there is one: neither
// who calls nor who is called.
//
// A service that does not answer costs nobody time: after a few failures in a row its messages fail at once, and one in a while tries again.
package push

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// What came of a message. Callers use errors.Is; an error's text holds no token and no credential.
var (
	ErrGone        = errors.New("push: the device's registration is gone")                        // never send to it again
	ErrRejected    = errors.New("push: the service refuses our message")                          // our configuration is wrong, or the device's parameters are
	ErrBusy        = errors.New("push: the service asks for fewer messages")                      // of this device, or of all
	ErrUnavailable = errors.New("push: the service does not answer")                              // it may later
	ErrFull        = errors.New("push: too many messages wait")                                   // dropped and counted
	ErrUnsupported = errors.New("push: no such push service")                                     // 555 to a REGISTER
	ErrDevice      = errors.New("push: malformed push parameters")                                // 400 to a REGISTER
	ErrLate        = errors.New("push: the message was not sent while it was good for something") // counted
	ErrOccasion    = errors.New("push: the service lets a device wake for calls only")
	ErrClosed      = errors.New("push: closed")
)

// Device is an app as its push service knows it: the parameters pn-provider, pn-param and pn-prid of its Contact (RFC 8599 section 8). PRID is
// a token by which anybody who has our credentials can wake the device; it prints itself redacted.
type Device struct{ Provider, Param, PRID string }

// Bounds of what a stranger may give us.
const (
	maxProvider = 32
	maxParam    = 256
	maxPRID     = 768
)

// Check says whether the values are those of some device, of whatever service.
func (d Device) Check() error {
	if d.Provider == "" || d.PRID == "" || len(d.Provider) > maxProvider || len(d.Param) > maxParam || len(d.PRID) > maxPRID {
		return ErrDevice
	}
	for _, v := range []string{d.Provider, d.Param, d.PRID} {
		if strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return ErrDevice
		}
	}
	return nil
}

// String names the service only.
func (d Device) String() string { return d.Provider + ":[redacted]" }

// GoString is String.
func (d Device) GoString() string { return d.String() }

// LogValue implements slog.LogValuer.
func (d Device) LogValue() slog.Value { return slog.StringValue(d.String()) }

// Occasion is why a device is woken.
type Occasion int

// The occasions.
const (
	ForCall    Occasion = iota // a call waits for it
	ForRefresh                 // its binding ends soon, and it does not wake by itself (RFC 8599 section 5.5)
)

func (o Occasion) String() string {
	if o == ForCall {
		return "call"
	}
	return "refresh"
}

// Message is one wake-up.
type Message struct {
	Device Device
	Why    Occasion
	ID     string    // random, so that the app can tell two calls apart; at most 64 characters, and it means nothing to anybody else
	Until  time.Time // after which waking is good for nothing: the service does not keep it longer
}

// Provider is one push service. Safe for concurrent use.
type Provider interface {
	Name() string                // the value of pn-provider
	Takes(Device) error          // nil, or ErrDevice: the parameters cannot be those of a device of this service, or not of an app of ours
	Wakes(Device, Occasion) bool // false: the maker allows no such message to that device
	Peer(Device) string          // which of the service's hosts has the device; empty where it has one for all
	Features() string            // feature-capability indicators that answer a REGISTER, `+sip.pns="apns"` (RFC 8599 section 9)
	Send(context.Context, Message) error
}

// maxAnswer bounds what is read of a service's answer.
const maxAnswer = 16 << 10

// client talks to push services: only by TLS, never through a redirection, which would carry a credential to somebody else.
func client(rt http.RoundTripper) *http.Client {
	return &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// NewTransport makes the connections to push services; roots of nil are the system's. HTTP/2 is used where the service speaks it, and
// a service gets at most a few connections, which live as long as they are used now and then.
func NewTransport(base *http.Transport) *http.Transport {
	t := base.Clone()
	t.ForceAttemptHTTP2, t.MaxConnsPerHost, t.MaxIdleConnsPerHost, t.IdleConnTimeout = true, 16, 4, 10*time.Minute
	t.TLSHandshakeTimeout, t.ResponseHeaderTimeout, t.MaxResponseHeaderBytes = 5*time.Second, 10*time.Second, 32<<10
	return t
}

// ttl is for how many whole seconds a service may keep a message.
func ttl(m Message, now time.Time) int { return max(int(m.Until.Sub(now)/time.Second), 0) }

// outage says that the service could not be reached. The error of net/http has the URL in it, and with that the device's token.
func outage(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.Join(ErrUnavailable, ctx.Err())
	}
	return ErrUnavailable
}
