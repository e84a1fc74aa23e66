package identity

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"naisen/provisioning"
)

// server overrides what we do more strictly than the library: PKCE S256 for all, access tokens by RFC 9068 (typ at+jwt, an
// audience of their own, so that an ID token is never taken for one), refresh tokens that notice reuse.
type server struct {
	*op.LegacyServer
	s *Service
}

// Discovery says only what is offered.
func (x *server) Discovery(ctx context.Context, r *op.Request[struct{}]) (*op.Response, error) {
	resp, err := x.LegacyServer.Discovery(ctx, r)
	if err != nil {
		return nil, err
	}
	if doc, ok := resp.Data.(*oidc.DiscoveryConfiguration); ok {
		doc.GrantTypesSupported = []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeDeviceCode}
		doc.ResponseTypesSupported = []string{string(oidc.ResponseTypeCode)}
		doc.ResponseModesSupported = []string{string(oidc.ResponseModeQuery)}
		doc.TokenEndpointAuthMethodsSupported = []oidc.AuthMethod{oidc.AuthMethodNone}
		doc.RevocationEndpointAuthMethodsSupported = []oidc.AuthMethod{oidc.AuthMethodNone}
		doc.RevocationEndpointAuthSigningAlgValuesSupported = nil
		doc.IntrospectionEndpointAuthMethodsSupported = nil
		doc.IntrospectionEndpointAuthSigningAlgValuesSupported = nil
		doc.ACRValuesSupported = acrs()
		doc.CodeChallengeMethodsSupported = []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256}
	}
	return resp, nil
}

// Authorize is reached with a known client and a registered redirect address.
func (x *server) Authorize(ctx context.Context, r *op.ClientRequest[oidc.AuthRequest]) (*op.Redirect, error) {
	if r.Data.CodeChallengeMethod != oidc.CodeChallengeMethodS256 || len(r.Data.CodeChallenge) != 43 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE with S256 is required")
	}
	if r.Data.ResponseMode != "" && r.Data.ResponseMode != oidc.ResponseModeQuery {
		return nil, oidc.ErrInvalidRequest().WithDescription("response_mode must be query")
	}
	return x.LegacyServer.Authorize(ctx, r)
}

func (x *server) CodeExchange(ctx context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	req, err := op.AuthRequestByCode(ctx, x.Provider().Storage(), r.Data.Code)
	if err != nil {
		return nil, err
	}
	a, ok := req.(authRequest)
	if !ok {
		return nil, oidc.ErrServerError()
	}
	if err := op.AuthorizeCodeChallenge(r.Data.CodeVerifier, a.GetCodeChallenge()); err != nil {
		return nil, err
	}
	if r.Client.GetID() != a.client || r.Data.RedirectURI != a.redirect {
		return nil, oidc.ErrInvalidGrant()
	}
	g := grant{Client: a.client, Scopes: a.scopes, AuthTime: a.at, ACR: a.acr, AMR: a.amr, Until: sealedUntil(a.sealed, a.at)}
	user, err := x.s.activeUser(ctx, a.who, a.at)
	if err != nil {
		return nil, err
	}
	refresh := ""
	if slices.Contains(a.scopes, oidc.ScopeOfflineAccess) {
		refresh, g.ID, err = x.s.newGrant(ctx, a.who, g)
		if err != nil {
			return nil, x.s.fault("new refresh token", err)
		}
		x.s.requests.granted(r.Data.Code, g.ID)
	}
	return x.answer(ctx, r.Client, a.who, user, g, a, r.Data.Code, refresh)
}

func (x *server) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	token, ok := parseRefresh(r.Data.RefreshToken)
	if !ok {
		return nil, oidc.ErrInvalidGrant()
	}
	next, g, err := x.s.rotate(ctx, token, r.Client.GetID(), r.Data.Scopes)
	switch {
	case errors.Is(err, errBadRefresh):
		return nil, oidc.ErrInvalidGrant()
	case errors.Is(err, errBadScope):
		return nil, oidc.ErrInvalidScope()
	case err != nil:
		return nil, x.s.fault("refresh", err)
	}
	user, err := x.s.activeUser(ctx, token.who, g.AuthTime)
	if err != nil {
		return nil, err
	}
	if len(r.Data.Scopes) > 0 {
		g.Scopes = r.Data.Scopes
	}
	return x.answer(ctx, r.Client, token.who, user, g, refreshed{g, token.who}, "", next)
}

// UserInfo takes only our access tokens.
func (x *server) UserInfo(ctx context.Context, r *op.Request[oidc.UserInfoRequest]) (*op.Response, error) {
	v, err := NewVerifier(VerifierConfig{Issuers: []Issuer{x.s.Issuer()}, Users: storeUsers(ctx, x.s.cfg.Store), Clock: x.s.cfg.Clock})
	if err != nil {
		return nil, x.s.fault("userinfo", err)
	}
	subject, err := v.Verify(ctx, r.Data.AccessToken)
	if err != nil {
		return nil, op.NewStatusError(oidc.ErrAccessDenied().WithDescription("access token invalid"), http.StatusUnauthorized)
	}
	info := new(oidc.UserInfo)
	sub := account{subject.Domain, subject.User}.sub()
	if err := x.Provider().Storage().SetUserinfoFromToken(ctx, info, "", sub, ""); err != nil {
		return nil, x.s.fault("userinfo", err)
	}
	return op.NewResponse(info), nil
}

// refreshed is a grant as the library asks for it to make an ID token.
type refreshed struct {
	g   grant
	who account
}

func (r refreshed) GetAMR() []string       { return r.g.AMR }
func (r refreshed) GetAudience() []string  { return []string{r.g.Client} }
func (r refreshed) GetAuthTime() time.Time { return r.g.AuthTime }
func (r refreshed) GetClientID() string    { return r.g.Client }
func (r refreshed) GetScopes() []string    { return r.g.Scopes }
func (r refreshed) GetSubject() string     { return r.who.sub() }

// answer makes the token response.
func (x *server) answer(ctx context.Context, client op.Client, who account, user provisioning.User, g grant, req op.IDTokenRequest,
	code, refresh string) (*op.Response, error) {
	access, err := x.s.accessToken(who, user, g)
	if err != nil {
		return nil, x.s.fault("access token", err)
	}
	resp := &oidc.AccessTokenResponse{AccessToken: access, TokenType: oidc.BearerToken, RefreshToken: refresh,
		ExpiresIn: uint64(x.s.cfg.AccessTTL / time.Second), Scope: g.Scopes}
	if slices.Contains(g.Scopes, oidc.ScopeOpenID) {
		resp.IDToken, err = op.CreateIDToken(ctx, x.s.cfg.Issuer, req, client.IDTokenLifetime(), access, code, x.Provider().Storage(), client)
		if err != nil {
			return nil, x.s.fault("ID token", err)
		}
	}
	return op.NewResponse(resp), nil
}

// accessToken is a JWT by RFC 9068. The roles in it are for other resource servers: ours asks the store.
func (s *Service) accessToken(who account, user provisioning.User, g grant) (string, error) {
	now := s.cfg.Clock()
	ends := now.Add(s.cfg.AccessTTL)
	if !g.Until.IsZero() && g.Until.Before(ends) {
		ends = g.Until
	}
	payload, err := json.Marshal(map[string]any{
		"iss": s.cfg.Issuer, "sub": who.sub(), "aud": []string{s.cfg.Audience}, "client_id": g.Client, "jti": rand.Text(),
		"iat": now.Unix(), "issued_ms": now.UnixMilli(), "exp": ends.Unix(), "auth_time": g.AuthTime.Unix(), "acr": g.ACR, "amr": g.AMR,
		"scope": strings.Join(g.Scopes, " "), "domain": who.domain, "preferred_username": who.user, "person": user.Person(), "roles": user.Roles,
	})
	if err != nil {
		return "", err
	}
	signer, err := s.keys.signer("at+jwt")
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// activeUser refuses a user who was deleted, disabled or given a one-time password since the sign-in, or whose sign-in was revoked.
func (s *Service) activeUser(ctx context.Context, who account, signedIn time.Time) (provisioning.User, error) {
	u, v, known, err := readAccount(ctx, s.cfg.Store, who)
	if err != nil {
		return u, s.fault("read user", err)
	}
	if !known || u.Out(s.cfg.Clock()) || v.MustChange || !s.mayEnter(v) || s.revoked(who, signedIn) {
		return u, oidc.ErrInvalidGrant()
	}
	return u, nil
}

// fault logs what went wrong here and tells the client only that something did.
func (s *Service) fault(what string, err error) error {
	s.cfg.Log.Error("identity: "+what, "err", err)
	return op.NewStatusError(oidc.ErrServerError(), http.StatusInternalServerError)
}

// storeUsers reads one user straight from the store, for the rare request.
func storeUsers(ctx context.Context, store provisioning.Store) UsersFunc {
	return func(domain, name string) (provisioning.User, bool) {
		var user provisioning.User
		err := store.View(ctx, func(r provisioning.Reader) (err error) {
			user, _, err = provisioning.Get[provisioning.User](r, domain, name)
			return err
		})
		return user, err == nil
	}
}
