package identity

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"naisen/provisioning"
)

// storage is the Service as the library asks for it. What the server type answers itself is refused here.
type storage struct{ s *Service }

var (
	_ op.Storage                        = (*storage)(nil)
	_ op.CanTerminateSessionFromRequest = (*storage)(nil)
)

var errNotOffered = errors.New("identity: not offered")

func (t *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	for _, field := range []string{r.State, r.Nonce, r.LoginHint} {
		if len(field) > 1024 {
			return nil, oidc.ErrInvalidRequest().WithDescription("parameter too long")
		}
	}
	need, ok := levelWanted(r.ACRValues)
	if !ok {
		return nil, &oidc.Error{ErrorType: "unmet_authentication_requirements", Description: "none of acr_values is known here"} // RFC 9470 section 5
	}
	return t.s.requests.add(authRequest{
		client: r.ClientID, redirect: r.RedirectURI, state: r.State, nonce: r.Nonce, hint: r.LoginHint,
		challenge: r.CodeChallenge, scopes: r.Scopes, prompt: r.Prompt, maxAge: r.MaxAge, need: need,
	}), nil
}

func (t *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	return t.s.requests.get(id)
}

func (t *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	a, again, err := t.s.requests.redeem(code)
	if again != "" {
		t.s.revokeGrant(ctx, a.who, again)
	}
	return a, err
}

func (t *storage) SaveAuthCode(_ context.Context, id, code string) error {
	return t.s.requests.finish(id, code)
}

func (t *storage) DeleteAuthRequest(context.Context, string) error { return nil } // redeem did

func (t *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return "", time.Time{}, errNotOffered
}

func (t *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errNotOffered
}

func (t *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, op.ErrInvalidRefreshToken
}

// TerminateSession and TerminateSessionFromRequest end every browser session of the person whom the ID token hint names.
func (t *storage) TerminateSession(_ context.Context, sub, _ string) error {
	if a, ok := accountOf(sub); ok {
		t.s.sessions.drop(a)
	}
	return nil
}

func (t *storage) TerminateSessionFromRequest(ctx context.Context, r *op.EndSessionRequest) (string, error) {
	return r.RedirectURI, t.TerminateSession(ctx, r.UserID, r.ClientID)
}

func (t *storage) GetRefreshTokenInfo(_ context.Context, _ string, token string) (sub, id string, err error) {
	r, ok := parseRefresh(token)
	if !ok {
		return "", "", op.ErrInvalidRefreshToken
	}
	return r.who.sub(), token, nil
}

// RevokeToken ends a refresh token; access tokens end by themselves within AccessTTL (RFC 7009 section 2.2: 200 either way).
func (t *storage) RevokeToken(ctx context.Context, token, _, client string) *oidc.Error {
	if r, ok := parseRefresh(token); ok {
		if err := t.s.revokeRefresh(ctx, r, client); err != nil {
			return oidc.ErrServerError()
		}
	}
	return nil
}

func (t *storage) SigningKey(context.Context) (op.SigningKey, error) {
	k := t.s.keys.current()
	return opKey{id: k.id, key: k.priv}, nil
}

func (t *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{signingAlgorithm}, nil
}

func (t *storage) KeySet(context.Context) ([]op.Key, error) {
	var out []op.Key
	for _, k := range t.s.keys.keys {
		out = append(out, opKey{id: k.id, key: &k.priv.PublicKey})
	}
	return out, nil
}

func (t *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	c, ok := t.s.clients[id]
	if !ok {
		return nil, oidc.ErrInvalidClient().WithDescription("unknown client")
	}
	return opClient{c, t.s.cfg.Issuer}, nil
}

func (t *storage) AuthorizeClientIDSecret(context.Context, string, string) error {
	return oidc.ErrInvalidClient() // public clients only
}

// SetUserinfoFromScopes fills ID tokens.
func (t *storage) SetUserinfoFromScopes(ctx context.Context, info *oidc.UserInfo, sub, _ string, scopes []string) error {
	info.Subject = sub
	if !slices.Contains(scopes, oidc.ScopeProfile) {
		return nil
	}
	return t.profile(ctx, info, sub)
}

func (t *storage) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, _, sub, _ string) error {
	info.Subject = sub
	return t.profile(ctx, info, sub)
}

func (t *storage) profile(ctx context.Context, info *oidc.UserInfo, sub string) error {
	a, ok := accountOf(sub)
	if !ok {
		return errNotOffered
	}
	return t.s.cfg.Store.View(ctx, func(r provisioning.Reader) error {
		u, _, err := provisioning.Get[provisioning.User](r, a.domain, a.user)
		info.PreferredUsername, info.Name = u.Name, u.Display
		return err
	})
}

func (t *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNotOffered
}

func (t *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (t *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNotOffered
}

func (t *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNotOffered
}

func (t *storage) Health(context.Context) error { return nil }

// opClient is a Client as the library asks for it.
type opClient struct {
	Client
	issuer string
}

var _ op.Client = opClient{}

func (c opClient) GetID() string                    { return c.ID }
func (c opClient) RedirectURIs() []string           { return c.Client.RedirectURIs }
func (c opClient) PostLogoutRedirectURIs() []string { return c.PostLogout }
func (c opClient) ApplicationType() op.ApplicationType {
	if c.Native {
		return op.ApplicationTypeNative
	}
	return op.ApplicationTypeUserAgent
}
func (c opClient) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodNone }
func (c opClient) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c opClient) GrantTypes() []oidc.GrantType {
	types := []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
	if c.Device {
		types = append(types, oidc.GrantTypeDeviceCode)
	}
	return types
}
func (c opClient) LoginURL(id string) string           { return c.issuer + "/login?id=" + id }
func (c opClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }
func (c opClient) IDTokenLifetime() time.Duration      { return 10 * time.Minute }

// DevMode lets a registered http address pass: only where the service itself is http, which is the loopback.
func (c opClient) DevMode() bool { return strings.HasPrefix(c.issuer, "http://") }
func (c opClient) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}
func (c opClient) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}

// IsScopeAllowed: of those beside OpenID's own.
func (c opClient) IsScopeAllowed(scope string) bool     { return scope == ScopeAPI || scope == ScopeSIP }
func (c opClient) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c opClient) ClockSkew() time.Duration             { return 0 }
