package push

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// APNsConfig is Apple's push service, by provider token.
type APNsConfig struct {
	Key       []byte            // the .p8 file of Apple: PEM, never logged
	KeyID     string            // 10 characters
	TeamID    string            // 10 characters
	Topics    []string          // bundle identifiers of our apps: nobody makes us push to others
	Base      string            // "" : https://api.push.apple.com; https://api.sandbox.push.apple.com for apps under development
	Transport http.RoundTripper // nil: NewTransport of http.DefaultTransport
	Clock     func() time.Time  // nil: time.Now
}

// String hides the key.
func (APNsConfig) String() string { return "APNsConfig[redacted]" }

// GoString is String.
func (c APNsConfig) GoString() string { return c.String() }

// apns speaks HTTP/2 to Apple. pn-param is the team's identifier, a period and the topic, pn-prid the device's token in hexadecimal
// (RFC 8599 section 12). A topic that ends in .voip gets calls only: an app that is woken by it and shows no call is ended by iOS, and
// after some times not woken again. An app that has two tokens may give both in one Contact: see apnsApp.
type apns struct {
	cfg  APNsConfig
	key  *ecdsa.PrivateKey
	http *http.Client
	pass pass
}

const (
	apnsTokenLife  = 50 * time.Minute // a token is refused when it is older than an hour,
	apnsTokenYoung = 20 * time.Minute // and a new one before that time has passed: TooManyProviderTokenUpdates
	voip           = ".voip"
	remote         = ".remote"
	both           = ".remote&voip"
)

// NewAPNs makes the provider "apns".
func NewAPNs(cfg APNsConfig) (Provider, error) {
	key, err := parseP256(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("apns: key: %w", err)
	}
	cfg.Key = nil
	if len(cfg.KeyID) != 10 || len(cfg.TeamID) != 10 || len(cfg.Topics) == 0 {
		return nil, fmt.Errorf("apns: key id and team id of 10 characters, and topics are needed: %w", ErrKey)
	}
	if cfg.Base == "" {
		cfg.Base = "https://api.push.apple.com"
	}
	if !strings.HasPrefix(cfg.Base, "https://") {
		return nil, fmt.Errorf("apns: base is not https: %w", ErrKey)
	}
	cfg.Transport, cfg.Clock = defaults(cfg.Transport, cfg.Clock)
	return &apns{cfg: cfg, key: key, http: client(cfg.Transport)}, nil
}

// defaults fills in what a provider's configuration leaves open.
func defaults(rt http.RoundTripper, clock func() time.Time) (http.RoundTripper, func() time.Time) {
	if rt == nil {
		rt = NewTransport(http.DefaultTransport.(*http.Transport))
	}
	if clock == nil {
		clock = time.Now
	}
	return rt, clock
}

// Name implements Provider.
func (a *apns) Name() string { return "apns" }

// Peer implements Provider.
func (a *apns) Peer(Device) string { return "" }

// Features implements Provider.
func (a *apns) Features() string { return `+sip.pns="apns"` }

// Takes implements Provider.
func (a *apns) Takes(d Device) error {
	_, err := a.app(d)
	return err
}

// Wakes implements Provider.
func (a *apns) Wakes(d Device, why Occasion) bool {
	app, err := a.app(d)
	_, token := app.at(why)
	return err == nil && token != ""
}

// apnsApp is an app on a device: its bundle, and the tokens of its two ways to be woken; empty: it has not that one. What Linphone's apps and Flexisip
// say beyond RFC 8599 is understood: pn-param ends in .remote&voip and pn-prid is TOKEN:remote&TOKEN:voip, or in .remote and TOKEN:remote.
type apnsApp struct{ bundle, remote, voip string }

// at is where a message goes. A call goes by PushKit where the app has that, a refresh never does: iOS wants a call to be shown for each.
func (p apnsApp) at(why Occasion) (topic, token string) {
	if why == ForCall && p.voip != "" {
		return p.bundle + voip, p.voip
	}
	return p.bundle, p.remote
}

// app reads a device's parameters. ErrDevice.
func (a *apns) app(d Device) (p apnsApp, err error) {
	team, topic, _ := strings.Cut(d.Param, ".")
	if team != a.cfg.TeamID {
		return p, ErrDevice
	}
	kinds := remote
	switch p.bundle = topic; {
	case slices.Contains(a.cfg.Topics, topic): // whatever its name ends in
	case strings.HasSuffix(topic, both):
		p.bundle, kinds = strings.TrimSuffix(topic, both), both
	case strings.HasSuffix(topic, voip):
		p.bundle, kinds = strings.TrimSuffix(topic, voip), voip
	default:
		p.bundle = strings.TrimSuffix(topic, remote)
	}
	if !slices.Contains(a.cfg.Topics, p.bundle) {
		return apnsApp{}, ErrDevice
	}
	tokens := strings.Split(d.PRID, "&")
	for _, t := range tokens {
		text, kind, named := strings.Cut(t, ":")
		if raw, err := hex.DecodeString(text); err != nil || len(raw) < 32 || len(raw) > 100 || !named && kinds == both {
			return apnsApp{}, ErrDevice
		}
		switch {
		case p.remote == "" && kinds != voip && (kind == "remote" || !named):
			p.remote = text
		case p.voip == "" && kinds != remote && (kind == "voip" || !named):
			p.voip = text
		default:
			return apnsApp{}, ErrDevice
		}
	}
	if kinds == both && len(tokens) != 2 {
		return apnsApp{}, ErrDevice
	}
	return p, nil
}

// Send implements Provider.
func (a *apns) Send(ctx context.Context, m Message) error {
	for again := false; ; again = true {
		text, err := a.pass.get(a.cfg.Clock(), a.renew)
		if err != nil {
			return err
		}
		status, reason, err := a.post(ctx, m, text)
		if err != nil {
			return err
		}
		if reason == "ExpiredProviderToken" && !again && a.pass.spoil(text, a.cfg.Clock(), apnsTokenYoung) {
			continue
		}
		return apnsVerdict(status, reason)
	}
}

func (a *apns) renew() (string, time.Time, error) {
	now := a.cfg.Clock()
	text, err := sign(a.key, map[string]any{"kid": a.cfg.KeyID}, map[string]any{"iss": a.cfg.TeamID, "iat": now.Unix()})
	return text, now.Add(apnsTokenLife), err
}

func (a *apns) post(ctx context.Context, m Message, token string) (status int, reason string, err error) {
	app, err := a.app(m.Device)
	if err != nil {
		return 0, "", err
	}
	topic, to := app.at(m.Why)
	kind, priority := "background", "5" // a background message of priority 10 is refused
	body := map[string]any{"aps": map[string]any{"content-available": 1}, "pn": m.Why.String()}
	switch {
	case to == app.voip:
		kind, priority = "voip", "10"
		body = map[string]any{"aps": map[string]any{}, "pn": m.Why.String(), "id": m.ID}
	case m.Why == ForCall: // an app without CallKit is woken by a notice that its owner sees
		kind, priority = "alert", "10"
		body = map[string]any{"aps": map[string]any{"alert": map[string]any{"loc-key": "INCOMING_CALL"}, "sound": "default"}, "pn": m.Why.String(), "id": m.ID}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return 0, "", ErrDevice
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.cfg.Base+"/3/device/"+to, bytes.NewReader(text))
	if err != nil {
		return 0, "", ErrDevice
	}
	req.Header.Set("Authorization", "bearer "+token)
	req.Header.Set("apns-topic", topic)
	req.Header.Set("apns-push-type", kind)
	req.Header.Set("apns-priority", priority)
	req.Header.Set("apns-expiration", strconv.FormatInt(m.Until.Unix(), 10))
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.http.Do(req)
	if err != nil {
		return 0, "", outage(ctx)
	}
	defer resp.Body.Close()
	var said struct {
		Reason string `json:"reason"`
	}
	if resp.StatusCode != http.StatusOK {
		_ = json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&said) // without a reason the status says enough
	}
	return resp.StatusCode, said.Reason, nil
}

// apnsVerdict reads Apple's answer ("Handling notification responses from APNs").
func apnsVerdict(status int, reason string) error {
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusGone, reason == "BadDeviceToken", reason == "DeviceTokenNotForTopic", reason == "Unregistered", reason == "ExpiredToken":
		return ErrGone
	case status == http.StatusTooManyRequests:
		return ErrBusy
	case status >= 500:
		return ErrUnavailable
	}
	return rejected(status, reason)
}

// rejected names what a service says against our message, as far as it is a word: anything else could be a token that it gives back.
func rejected(status int, reason string) error {
	if len(reason) > 40 || strings.ContainsFunc(reason, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_' }) {
		reason = ""
	}
	return fmt.Errorf("%w: %d %s", ErrRejected, status, reason)
}
