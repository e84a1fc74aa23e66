package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"naisen/provisioning/identity"
	"naisen/provisioning/secret"
)

const maxAnswer = 64 << 20 // bytes; a WAV of the demo has less than one million

// api is the REST API as a client sees it.
type api struct {
	url, domain string
	client      *http.Client // with connections of its own, so that they end with the story
}

func newAPI(url, domain string) api {
	return api{url, domain, &http.Client{Transport: &http.Transport{}}}
}

func (a api) close() {
	if a.client != nil {
		a.client.CloseIdleConnections()
	}
}

// answer of the API.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do asks for a path below the domain. A zero token sends none.
func (a api) do(ctx context.Context, token identity.Tokens, method, path string, body any) (answer, error) {
	return a.send(ctx, token, method, "/v1/domains/"+a.domain+path, body)
}

func (a api) send(ctx context.Context, token identity.Tokens, method, path string, body any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, in)
	if err != nil {
		return answer{}, err
	}
	if token.Access != "" {
		req.Header.Set("Authorization", "Bearer "+token.Access)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return answer{resp.StatusCode, resp.Header, b}, err
}

// get reads JSON; anything but 200 is an error.
func (a api) get(ctx context.Context, token identity.Tokens, path string, into any) error {
	got, err := a.do(ctx, token, http.MethodGet, path, nil)
	if err == nil && got.status != http.StatusOK {
		err = fmt.Errorf("GET %s: %d %.200s", path, got.status, got.body)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(got.body, into)
}

// ready waits until the API answers at all.
func (a api) ready(ctx context.Context) error {
	return until(ctx, 5*time.Second, func() (bool, error) {
		got, err := a.send(ctx, identity.Tokens{}, http.MethodGet, "/openapi.json", nil)
		return err == nil && got.status == http.StatusOK, ctx.Err()
	})
}

// signIn uses a one-time password, and replaces it by one that nobody will ever know.
func (a api) signIn(ctx context.Context, user string, oneTime secret.Secret) (identity.Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return identity.Login{Issuer: a.url + "/identity", HTTP: a.client}.Password(ctx, user, oneTime.Reveal(), func() (string, error) { return rand.Text(), nil })
}

// newUser makes a user with roles and returns the one-time password.
func (a api) newUser(ctx context.Context, token identity.Tokens, name string, roles ...string) (secret.Secret, error) {
	got, err := a.do(ctx, token, http.MethodPut, "/users/"+name, map[string]any{"name": name, "display": name, "roles": roles})
	if err == nil && got.status/100 != 2 {
		err = fmt.Errorf("PUT user %s: %d %.200s", name, got.status, got.body)
	}
	if err != nil {
		return secret.Secret{}, err
	}
	got, err = a.do(ctx, token, http.MethodPost, "/users/"+name+"/password", nil)
	if err == nil && got.status/100 != 2 {
		err = fmt.Errorf("POST password of %s: %d", name, got.status)
	}
	if err != nil {
		return secret.Secret{}, err
	}
	var shown struct{ Secret string }
	if err := json.Unmarshal(got.body, &shown); err != nil {
		return secret.Secret{}, err
	}
	return secret.New(shown.Secret), nil
}
