package identity

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"naisen/provisioning"
)

// sourceKey is where a request of the library's says whence it comes: the library itself passes no address on.
type sourceKey struct{}

func (s *Service) withSource(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sourceKey{}, s.cfg.Source(r))))
	})
}

// DeviceAuthorization begins the sign-in of a program without a browser (RFC 8628 section 3.1). acr_values is what RFC 9470 asks for elsewhere.
func (x *server) DeviceAuthorization(ctx context.Context, r *op.ClientRequest[oidc.DeviceAuthorizationRequest]) (*op.Response, error) {
	c, ok := x.s.clients[r.Client.GetID()]
	if !ok || !c.Device {
		return nil, oidc.ErrUnauthorizedClient().WithDescription("not a client that may")
	}
	need, ok := levelWanted(strings.Fields(r.Form.Get("acr_values")))
	if !ok {
		return nil, &oidc.Error{ErrorType: "unmet_authentication_requirements", Description: "none of acr_values is known here"}
	}
	d := device{client: c.ID, need: need}
	d.source, _ = ctx.Value(sourceKey{}).(string)
	for _, scope := range r.Data.Scopes {
		if slices.Contains(knownScopes(), scope) && !slices.Contains(d.scopes, scope) {
			d.scopes = append(d.scopes, scope)
		}
	}
	deviceCode, userCode, err := x.s.devices.add(d)
	if err != nil {
		return nil, x.s.fault("device code", err)
	}
	at := x.s.cfg.Issuer + "/device"
	shown := showCode(userCode)
	return op.NewResponse(&oidc.DeviceAuthorizationResponse{DeviceCode: deviceCode, UserCode: shown, VerificationURI: at,
		VerificationURIComplete: at + "?user_code=" + shown, ExpiresIn: int(deviceTTL / time.Second), Interval: int(devicePoll / time.Second)}), nil
}

// DeviceToken is the device's question whether somebody has signed it in (RFC 8628 section 3.4).
func (x *server) DeviceToken(ctx context.Context, r *op.ClientRequest[oidc.DeviceAccessTokenRequest]) (*op.Response, error) {
	d, err := x.s.devices.poll(r.Data.DeviceCode, r.Client.GetID())
	switch {
	case errors.Is(err, errDevicePending):
		return nil, oidc.ErrAuthorizationPending()
	case errors.Is(err, errDeviceSlow):
		return nil, oidc.ErrSlowDown()
	case errors.Is(err, errDeviceDenied):
		return nil, oidc.ErrAccessDenied()
	case errors.Is(err, errDeviceLate):
		return nil, oidc.ErrExpiredDeviceCode()
	case err != nil:
		return nil, oidc.ErrInvalidGrant()
	}
	user, err := x.s.activeUser(ctx, d.by.who, d.by.at)
	if err != nil {
		return nil, err
	}
	g := grant{Client: d.client, Scopes: d.scopes, AuthTime: d.by.at, ACR: d.by.acr, AMR: d.by.amr, Until: sealedUntil(d.by.sealed, d.by.at)}
	refresh := ""
	if slices.Contains(d.scopes, oidc.ScopeOfflineAccess) {
		if refresh, g.ID, err = x.s.newGrant(ctx, d.by.who, g); err != nil {
			return nil, x.s.fault("new refresh token", err)
		}
	}
	a := authRequest{client: d.client, scopes: d.scopes, who: d.by.who, at: d.by.at, amr: d.by.amr, acr: d.by.acr}
	return x.answer(ctx, r.Client, d.by.who, user, g, a, "", refresh)
}

func knownScopes() []string {
	return []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeOfflineAccess, ScopeAPI, ScopeSIP}
}

// showCode is a user code as people read it.
func showCode(code string) string { return code[:len(code)/2] + "-" + code[len(code)/2:] }

// showDevice asks for the code that the device shows.
func (s *Service) showDevice(w http.ResponseWriter, r *http.Request) {
	browser := s.browser(w, r)
	s.setCookie(w, cookieBrowser, browser, requestTTL)
	typed := r.URL.Query().Get("user_code")
	if len(typed) > 32 || !plainName(typed) {
		typed = ""
	}
	s.show(w, http.StatusOK, s.devicePage(r, browser, typed, ""))
}

func (s *Service) devicePage(r *http.Request, browser, typed, complaint string) page {
	t := textsFor(r)
	return page{T: t, Kind: "device", Title: t.Device, Text: t.DeviceWhy, Button: t.Continue, Action: s.path + "/device", CSRF: s.csrf(browser, "device"),
		User: typed, Error: complaint}
}

// postDevice leads whoever knows a device's code to the sign-in, at whose end they are asked whether they mean it. Guesses are slowed as those at
// passwords are (RFC 8628 section 5.1).
func (s *Service) postDevice(w http.ResponseWriter, r *http.Request) {
	browser := s.cookie(r, cookieBrowser)
	if err := r.ParseForm(); err != nil || browser == "" || !s.csrfOK(r.PostForm.Get("csrf"), browser, "device") {
		s.showGone(w, r)
		return
	}
	t, source := textsFor(r), s.cfg.Source(r)
	if wait := s.throttle.take("user code "+source, accountRate()); wait > 0 {
		tooMany(w, wait)
		s.show(w, http.StatusTooManyRequests, s.devicePage(r, browser, "", t.Wait))
		return
	}
	k, d, ok := s.devices.find(r.PostForm.Get("user_code"))
	if !ok {
		s.show(w, http.StatusForbidden, s.devicePage(r, browser, "", t.DeviceWrong))
		return
	}
	s.throttle.giveBack("user code " + source)
	a := s.requests.add(authRequest{goal: forDevice, device: k, client: d.client, scopes: d.scopes, need: d.need})
	http.Redirect(w, r, s.path+"/login?id="+url.QueryEscape(a.id), http.StatusSeeOther)
}

// confirmDevice asks whether the person means it: whoever began it may be somebody else who sent them the code (RFC 8628 section 5.4).
func (s *Service) confirmDevice(w http.ResponseWriter, r *http.Request, a authRequest) {
	d, ok := s.devices.get(a.device)
	if !ok {
		s.showGone(w, r)
		return
	}
	p := s.formPage(r, a, "device-confirm")
	p.Text = strings.NewReplacer("%client", s.clients[d.client].Name, "%user", a.who.sub()).Replace(p.T.DeviceAsks)
	p.Lines = []string{p.T.DeviceCode + ": " + showCode(d.userCode), p.T.DeviceFrom + ": " + d.source,
		p.T.DeviceSince + ": " + d.created.UTC().Format("15:04:05") + " UTC"}
	for _, scope := range d.scopes {
		p.Lines = append(p.Lines, p.T.DeviceWants+": "+p.T.Scopes[scope])
	}
	s.show(w, http.StatusOK, p)
}

// postConfirm is the person's answer.
func (s *Service) postConfirm(w http.ResponseWriter, r *http.Request) {
	a, ok := s.posted(w, r, stepConfirm)
	if !ok {
		return
	}
	d, ok := s.devices.get(a.device)
	if !ok {
		s.showGone(w, r)
		return
	}
	allow := r.PostForm.Get("allow") != ""
	outcome := map[bool]string{true: "ok", false: "denied"}[allow]
	entry := provisioning.AuditEntry{Domain: a.who.domain, Subject: a.who.sub(), Action: "sign-in.device", Object: "user/" + a.who.user, Outcome: outcome,
		Detail: map[string]any{"client": d.client, "device": d.source, "source": s.cfg.Source(r), "amr": a.amr}}
	if err := s.audit(r.Context(), entry); err != nil { // no audit, no tokens
		s.showFault(w, r, "audit", err)
		return
	}
	if _, err := s.requests.update(a.id, func(a *authRequest) error {
		if a.step != stepConfirm {
			return errNoRequest
		}
		a.step = stepDone
		return nil
	}); err != nil || !s.devices.decide(a.device, allow, session{who: a.who, at: a.at, amr: a.amr, acr: a.acr, sealed: a.sealed}) {
		s.showGone(w, r)
		return
	}
	t := textsFor(r)
	text := t.DeviceDone
	if !allow {
		text = t.DeviceNo
	}
	s.show(w, http.StatusOK, page{T: t, Title: t.Device, Text: text})
}
