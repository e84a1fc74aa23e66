package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// step is how far a sign-in has come.
type step int

const (
	stepPassword    step = iota // nobody known yet
	stepNewPassword             // the password was a one-time one: a new one is set first
	stepSecond                  // the password was right, and a second factor is asked for
	stepConfirm                 // a device's sign-in: the person says whether they mean it
	stepReason                  // the break-glass account: who it is, and why
	stepDone                    // a code may be issued
)

// goal is what a sign-in is for.
type goal int

const (
	forClient  goal = iota // an authorization code
	forAccount             // the person's own page here
	forDevice              // a program that waits elsewhere (RFC 8628)
)

const (
	requestTTL  = 10 * time.Minute
	codeTTL     = time.Minute
	maxRequests = 8192 // sign-ins under way; the oldest goes first
	maxCodes    = 8192
)

// authRequest is one sign-in under way. Values are copied in and out of requests: nobody shares one.
type authRequest struct {
	id, client, redirect, state, nonce, hint string
	challenge                                string // S256
	scopes, prompt                           []string
	maxAge                                   *uint // seconds
	created                                  time.Time

	browser string // CSRF cookie of the browser that the sign-in belongs to; set by its first page
	step    step
	goal    goal
	device  deviceKey // of forDevice

	emergency string                // id of the use of the break-glass account, at stepReason
	who       account               // valid from stepNewPassword on
	salt      string                // of the password that was shown, until stepDone
	tries     int                   // wrong second factors
	passkey   *webauthn.SessionData // the challenge that waits for an answer; each is for one
	at        time.Time
	amr       []string
	acr       string
	sealed    bool  // of who: the break-glass account
	need      level // the client asks for this one at least
}

var _ op.AuthRequest = authRequest{}

func (a authRequest) GetID() string                      { return a.id }
func (a authRequest) GetACR() string                     { return a.acr }
func (a authRequest) GetAMR() []string                   { return a.amr }
func (a authRequest) GetAudience() []string              { return []string{a.client} } // of the ID token only
func (a authRequest) GetAuthTime() time.Time             { return a.at }
func (a authRequest) GetClientID() string                { return a.client }
func (a authRequest) GetNonce() string                   { return a.nonce }
func (a authRequest) GetRedirectURI() string             { return a.redirect }
func (a authRequest) GetResponseType() oidc.ResponseType { return oidc.ResponseTypeCode }
func (a authRequest) GetResponseMode() oidc.ResponseMode { return oidc.ResponseModeQuery }
func (a authRequest) GetScopes() []string                { return a.scopes }
func (a authRequest) GetState() string                   { return a.state }
func (a authRequest) GetSubject() string                 { return a.who.sub() }
func (a authRequest) Done() bool                         { return a.step == stepDone }
func (a authRequest) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: a.challenge, Method: oidc.CodeChallengeMethodS256}
}

var errNoRequest = errors.New("identity: no such sign-in")

// issued is what a code stands for. A code that comes twice ends what its first use gave (RFC 6749 section 4.1.2).
type issued struct {
	request authRequest
	expires time.Time
	used    bool
	grant   string // the refresh token's grant that the first use made
}

// requests holds sign-ins under way and codes, in memory, bounded.
type requests struct {
	clock func() time.Time
	mu    sync.Mutex
	open  map[string]authRequest
	codes map[[32]byte]issued
}

func newRequests(clock func() time.Time) *requests {
	return &requests{clock: clock, open: map[string]authRequest{}, codes: map[[32]byte]issued{}}
}

func (q *requests) add(a authRequest) authRequest {
	a.id, a.created = rand.Text(), q.clock()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.open) >= maxRequests {
		oldest, at := "", a.created
		for id, o := range q.open {
			if a.created.Sub(o.created) > requestTTL {
				delete(q.open, id)
			} else if !o.created.After(at) {
				oldest, at = id, o.created
			}
		}
		if len(q.open) >= maxRequests {
			delete(q.open, oldest)
		}
	}
	q.open[a.id] = a
	return a
}

func (q *requests) get(id string) (authRequest, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.getLocked(id)
}

func (q *requests) getLocked(id string) (authRequest, error) {
	a, ok := q.open[id]
	if !ok || q.clock().Sub(a.created) > requestTTL {
		return authRequest{}, errNoRequest
	}
	return a, nil
}

// update applies f to the stored request; an error of f changes nothing.
func (q *requests) update(id string, f func(*authRequest) error) (authRequest, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a, err := q.getLocked(id)
	if err != nil {
		return a, err
	}
	if err := f(&a); err != nil {
		return a, err
	}
	q.open[id] = a
	return a, nil
}

// finish turns a done request into a code: from now on only the code leads to it.
func (q *requests) finish(id, code string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	a, err := q.getLocked(id)
	if err != nil {
		return err
	}
	if a.step != stepDone {
		return errNoRequest
	}
	delete(q.open, id)
	now := q.clock()
	if len(q.codes) >= maxCodes {
		for k, c := range q.codes {
			if now.After(c.expires.Add(requestTTL)) {
				delete(q.codes, k)
			}
		}
		if len(q.codes) >= maxCodes {
			return errors.New("identity: too many codes")
		}
	}
	q.codes[sha256.Sum256([]byte(code))] = issued{request: a, expires: now.Add(codeTTL)}
	return nil
}

// redeem takes a code for its first and only use. again is the grant to end when it had been used before.
func (q *requests) redeem(code string) (a authRequest, again string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := sha256.Sum256([]byte(code))
	c, ok := q.codes[k]
	switch {
	case !ok:
		return a, "", errNoRequest
	case c.used:
		return c.request, c.grant, errNoRequest
	case q.clock().After(c.expires):
		delete(q.codes, k)
		return a, "", errNoRequest
	}
	c.used = true
	q.codes[k] = c
	return c.request, "", nil
}

func (q *requests) granted(code, grant string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	k := sha256.Sum256([]byte(code))
	if c, ok := q.codes[k]; ok {
		c.grant = grant
		q.codes[k] = c
	}
}

// drop ends a person's sign-ins under way, and codes that nobody has redeemed yet: how many there were.
func (q *requests) drop(who account) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, a := range q.open {
		if a.who == who {
			delete(q.open, id)
			n++
		}
	}
	for k, c := range q.codes {
		if c.request.who == who && !c.used {
			delete(q.codes, k)
			n++
		}
	}
	return n
}
