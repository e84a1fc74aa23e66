package push

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// FCMConfig is Google's push service, HTTP v1, by a service account.
type FCMConfig struct {
	Account   []byte            // the service account's JSON as Google gives it out: it holds a private key, and is never logged
	Base      string            // "": https://fcm.googleapis.com
	TokenURI  string            // "": https://oauth2.googleapis.com/token; what the account's file says is not believed
	Transport http.RoundTripper // nil: NewTransport of http.DefaultTransport
	Clock     func() time.Time  // nil: time.Now
}

// String hides the account.
func (FCMConfig) String() string { return "FCMConfig[redacted]" }

// GoString is String.
func (c FCMConfig) GoString() string { return c.String() }

// fcm speaks to Google. pn-param is the project, pn-prid the registration token of the app (RFC 8599 section 13).
type fcm struct {
	cfg                   FCMConfig
	project, email, keyID string
	key                   *rsa.PrivateKey
	http                  *http.Client
	pass                  pass
}

const (
	fcmScope    = "https://www.googleapis.com/auth/firebase.messaging"
	fcmYoung    = time.Minute                                   // an access token that is refused so early is refused for another reason than its age
	jwtBearer   = "urn:ietf:params:oauth:grant-type:jwt-bearer" // RFC 7523 section 2.1
	jwtLife     = time.Hour                                     // the most that Google takes
	tokenMargin = time.Minute
)

// NewFCM makes the provider "fcm".
func NewFCM(cfg FCMConfig) (Provider, error) {
	var account struct {
		Type      string `json:"type"`
		ProjectID string `json:"project_id"`
		KeyID     string `json:"private_key_id"`
		Key       string `json:"private_key"`
		Email     string `json:"client_email"`
	}
	if json.Unmarshal(cfg.Account, &account) != nil || account.Type != "service_account" || account.ProjectID == "" || account.Email == "" {
		return nil, fmt.Errorf("fcm: not the file of a service account: %w", ErrKey)
	}
	cfg.Account = nil
	k, err := parseKey([]byte(account.Key))
	if err != nil {
		return nil, fmt.Errorf("fcm: private_key: %w", err)
	}
	key, ok := k.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("fcm: private_key is not RSA: %w", ErrKey)
	}
	if cfg.Base == "" {
		cfg.Base = "https://fcm.googleapis.com"
	}
	if cfg.TokenURI == "" {
		cfg.TokenURI = "https://oauth2.googleapis.com/token"
	}
	if !strings.HasPrefix(cfg.Base, "https://") || !strings.HasPrefix(cfg.TokenURI, "https://") {
		return nil, fmt.Errorf("fcm: an address is not https: %w", ErrKey)
	}
	cfg.Transport, cfg.Clock = defaults(cfg.Transport, cfg.Clock)
	return &fcm{cfg: cfg, project: account.ProjectID, email: account.Email, keyID: account.KeyID, key: key, http: client(cfg.Transport)}, nil
}

// Name implements Provider.
func (f *fcm) Name() string { return "fcm" }

// Peer implements Provider.
func (f *fcm) Peer(Device) string { return "" }

// Features implements Provider.
func (f *fcm) Features() string { return `+sip.pns="fcm"` }

// Takes implements Provider.
func (f *fcm) Takes(d Device) error {
	if d.Param != f.project || len(d.PRID) < 20 || strings.Trim(d.PRID, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:") != "" {
		return ErrDevice
	}
	return nil
}

// Wakes implements Provider.
func (f *fcm) Wakes(Device, Occasion) bool { return true }

// Send implements Provider.
func (f *fcm) Send(ctx context.Context, m Message) error {
	for again := false; ; again = true {
		token, err := f.pass.get(f.cfg.Clock(), func() (string, time.Time, error) { return f.renew(ctx) })
		if err != nil {
			return err
		}
		status, code, err := f.post(ctx, m, token)
		if err != nil {
			return err
		}
		if status == http.StatusUnauthorized && !again && f.pass.spoil(token, f.cfg.Clock(), fcmYoung) {
			continue
		}
		return fcmVerdict(status, code)
	}
}

// renew exchanges a signed assertion for an access token (RFC 7523).
func (f *fcm) renew(ctx context.Context) (string, time.Time, error) {
	now := f.cfg.Clock()
	assertion, err := sign(f.key, map[string]any{"typ": "JWT", "kid": f.keyID}, map[string]any{"iss": f.email, "scope": fcmScope, "aud": f.cfg.TokenURI,
		"iat": now.Unix(), "exp": now.Add(jwtLife).Unix()})
	if err != nil {
		return "", time.Time{}, err
	}
	form := url.Values{"grant_type": {jwtBearer}, "assertion": {assertion}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.cfg.TokenURI, strings.NewReader(form))
	if err != nil {
		return "", time.Time{}, ErrKey
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := f.http.Do(req)
	if err != nil {
		return "", time.Time{}, outage(ctx)
	}
	defer resp.Body.Close()
	var got struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Seconds int    `json:"expires_in"`
		Error   string `json:"error"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&got)
	switch {
	case resp.StatusCode >= 500:
		return "", time.Time{}, ErrUnavailable
	case resp.StatusCode != http.StatusOK:
		return "", time.Time{}, rejected(resp.StatusCode, got.Error)
	case err != nil || got.Token == "" || !strings.EqualFold(got.Type, "Bearer"):
		return "", time.Time{}, ErrUnavailable
	}
	return got.Token, now.Add(time.Duration(min(max(got.Seconds, 0), 86400))*time.Second - tokenMargin), nil
}

func (f *fcm) post(ctx context.Context, m Message, token string) (status int, code string, err error) {
	body, err := json.Marshal(map[string]any{"message": map[string]any{
		"token": m.Device.PRID,
		"data":  map[string]string{"pn": m.Why.String(), "id": m.ID}, // a message for the app, not a notice: those do not wake it
		"android": map[string]any{
			"priority": "HIGH", // of normal priority it would wait until the telephone wakes by itself
			"ttl":      strconv.Itoa(ttl(m, f.cfg.Clock())) + "s",
		},
	}})
	if err != nil {
		return 0, "", ErrDevice
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.cfg.Base+"/v1/projects/"+url.PathEscape(f.project)+"/messages:send", bytes.NewReader(body))
	if err != nil {
		return 0, "", ErrDevice
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := f.http.Do(req)
	if err != nil {
		return 0, "", outage(ctx)
	}
	defer resp.Body.Close()
	var said struct {
		Error struct {
			Status  string `json:"status"`
			Details []struct {
				Code string `json:"errorCode"`
			} `json:"details"`
		} `json:"error"`
	}
	if resp.StatusCode != http.StatusOK {
		_ = json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&said) // without a code the status says enough
	}
	code = said.Error.Status
	for _, d := range said.Error.Details {
		if d.Code != "" {
			code = d.Code
		}
	}
	return resp.StatusCode, code, nil
}

// fcmVerdict reads Google's answer ("ErrorCode" of the FCM REST reference).
func fcmVerdict(status int, code string) error {
	switch {
	case status == http.StatusOK:
		return nil
	case code == "UNREGISTERED", code == "SENDER_ID_MISMATCH", status == http.StatusNotFound:
		return ErrGone
	case status == http.StatusTooManyRequests:
		return ErrBusy
	case status >= 500:
		return ErrUnavailable
	}
	return rejected(status, code)
}
