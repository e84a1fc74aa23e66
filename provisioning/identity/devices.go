package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// Bounds of the device authorization grant (RFC 8628).
const (
	deviceTTL  = 10 * time.Minute
	devicePoll = 5 * time.Second // between two of a device's questions; each one that comes earlier makes it so much longer (section 3.5)
	maxDevices = 2048            // that wait; the oldest goes first
)

// deviceRate is how often one source begins one.
func deviceRate() rateOf { return rateOf{20, 10 * time.Second} }

// deviceState is what became of a device's wish.
type deviceState int

const (
	deviceWaits deviceState = iota
	deviceAllowed
	deviceDenied
)

// device is a program without a browser that waits for a person to sign it in. Values are copied in and out of devices.
type device struct {
	client, source, userCode string
	scopes                   []string
	need                     level
	created, polled          time.Time
	interval                 time.Duration
	state                    deviceState
	by                       session // who allowed it, and how they had proved themselves
}

// deviceKey is the hash of a device code: memory holds none that could be used.
type deviceKey [32]byte

// devices hold those that wait, in memory, bounded.
type devices struct {
	clock  func() time.Time
	mu     sync.Mutex
	byCode map[deviceKey]device
	byUser map[string]deviceKey
}

func newDevices(clock func() time.Time) *devices {
	return &devices{clock: clock, byCode: map[deviceKey]device{}, byUser: map[string]deviceKey{}}
}

// add gives the code that the device keeps, and the one that the person types.
func (s *devices) add(d device) (deviceCode, userCode string, err error) {
	if userCode, err = op.NewUserCode([]rune(op.CharSetBase20), 8, 0); err != nil { // 34 bits (section 6.1)
		return "", "", err
	}
	deviceCode = rand.Text()
	d.userCode, d.created, d.interval = userCode, s.clock(), devicePoll
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.byUser[userCode]; taken {
		return "", "", errors.New("identity: user code is taken")
	}
	s.makeRoom(d.created)
	k := deviceKey(sha256.Sum256([]byte(deviceCode)))
	s.byCode[k], s.byUser[userCode] = d, k
	return deviceCode, userCode, nil
}

// makeRoom for one more. The lock is held.
func (s *devices) makeRoom(now time.Time) {
	if len(s.byCode) < maxDevices {
		return
	}
	var oldest deviceKey
	at := now
	for k, d := range s.byCode {
		if now.Sub(d.created) > 2*deviceTTL {
			s.remove(k)
		} else if !d.created.After(at) {
			oldest, at = k, d.created
		}
	}
	if len(s.byCode) >= maxDevices {
		s.remove(oldest)
	}
}

func (s *devices) remove(k deviceKey) {
	delete(s.byUser, s.byCode[k].userCode)
	delete(s.byCode, k)
}

// find gives what a typed code belongs to: letters in either case, with anything between them.
func (s *devices) find(typed string) (deviceKey, device, bool) {
	typed = strings.Map(func(c rune) rune {
		if strings.ContainsRune(op.CharSetBase20, c) {
			return c
		}
		return -1
	}, strings.ToUpper(typed))
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.byUser[typed]
	d := s.byCode[k]
	return k, d, ok && d.state == deviceWaits && s.clock().Sub(d.created) <= deviceTTL
}

func (s *devices) get(k deviceKey) (device, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.byCode[k]
	return d, ok && d.state == deviceWaits && s.clock().Sub(d.created) <= deviceTTL
}

// decide is for once.
func (s *devices) decide(k deviceKey, allow bool, by session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.byCode[k]
	if !ok || d.state != deviceWaits || s.clock().Sub(d.created) > deviceTTL {
		return false
	}
	d.state, d.by = deviceDenied, by
	if allow {
		d.state = deviceAllowed
	}
	s.byCode[k] = d
	return true
}

// Answers to a device that asks (RFC 8628 section 3.5).
var (
	errDevicePending = errors.New("identity: nobody has decided yet")
	errDeviceSlow    = errors.New("identity: asked too early")
	errDeviceDenied  = errors.New("identity: denied")
	errDeviceLate    = errors.New("identity: device code has expired")
	errDeviceUnknown = errors.New("identity: no such device code")
)

// poll is the device's question. What was allowed is given once.
func (s *devices) poll(deviceCode, client string) (device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, now := deviceKey(sha256.Sum256([]byte(deviceCode))), s.clock()
	d, ok := s.byCode[k]
	switch {
	case !ok || d.client != client:
		return device{}, errDeviceUnknown
	case now.Sub(d.created) > deviceTTL:
		s.remove(k)
		return device{}, errDeviceLate
	case d.state == deviceDenied:
		s.remove(k)
		return device{}, errDeviceDenied
	case d.state == deviceAllowed:
		s.remove(k)
		return d, nil
	}
	early := !d.polled.IsZero() && now.Sub(d.polled) < d.interval
	if d.polled = now; early {
		d.interval += devicePoll
	}
	s.byCode[k] = d
	if early {
		return device{}, errDeviceSlow
	}
	return device{}, errDevicePending
}

// drop ends what a person has allowed and no device has fetched.
func (s *devices) drop(who account) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, d := range s.byCode {
		if d.state == deviceAllowed && d.by.who == who {
			s.remove(k)
			n++
		}
	}
	return n
}
