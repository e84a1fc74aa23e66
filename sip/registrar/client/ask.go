package client

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/stack"
)

const (
	maxChallenges = 2 // answered for one REGISTER: a peer can call every nonce stale (threats.md B14)
	maxBrief      = 1 // 423s followed
)

// ask sends one REGISTER and answers challenges and 423. patience bounds each answer; 0: the transaction's own.
func (l *line) ask(ctx context.Context, to stack.Target, expires int, patience time.Duration) (time.Duration, int, *failure) {
	req := l.request(to, expires)
	challenges, brief := 0, 0
	for {
		l.next(req)
		resp, err := l.send(ctx, req, to, patience)
		if err != nil {
			return 0, 0, &failure{reason: reasonOf(err)}
		}
		switch {
		case resp.Status/100 == 2:
			l.target = to
			l.flow.Store(resp.Flow)
			return l.granted(resp, expires), resp.Status, nil
		case resp.Status == 401 || resp.Status == 407:
			err := auth.Authorize(req, resp, l.Credential, nil)
			if challenges++; err != nil || challenges > maxChallenges {
				return 0, resp.Status, &failure{status: resp.Status, reason: challengeReason(err), wrong: true}
			}
		case resp.Status == 423 && brief < maxBrief && expires > 0:
			brief++
			n, err := strconv.Atoi(resp.Get("Min-Expires"))
			if err != nil || n <= expires || n > longestAsk {
				return 0, resp.Status, &failure{status: resp.Status, reason: "interval too brief"}
			}
			expires, l.expires = n, n // kept: the next refresh need not be told again
			req.Set("Expires", strconv.Itoa(n))
			req.Del("Authorization")
			req.Del("Proxy-Authorization")
			challenges = 0
		default:
			return 0, resp.Status, refused(resp)
		}
	}
}

// send waits for the final response. What comes after patience is nobody's.
func (l *line) send(ctx context.Context, req *stack.Request, to stack.Target, patience time.Duration) (*stack.Response, error) {
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	result := make(chan stack.Result, 1)
	l.c.cfg.Network.Send(req, to, func(_ *stack.ClientTx, r stack.Result) {
		if r.Err == nil && r.Response.Status < 200 {
			return
		}
		select {
		case result <- r:
		default: // one final is enough
		}
	})
	select {
	case r := <-result:
		return r.Response, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func reasonOf(err error) string {
	switch {
	case errors.Is(err, stack.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	case errors.Is(err, context.Canceled):
		return "stopped"
	}
	return "not reachable"
}

func challengeReason(err error) string {
	switch {
	case errors.Is(err, auth.ErrForeignRealm):
		return "challenged for another realm than the trunk's"
	case errors.Is(err, auth.ErrNoChallenge):
		return "challenged in a way that cannot be answered"
	}
	return "wrong user name or password"
}

// refused tells a wrong account, which only a person can mend, from a bad moment (RFC 3261 section 10.2.7, RFC 6140 section 5.2).
func refused(resp *stack.Response) *failure {
	bad := &failure{status: resp.Status, reason: "refused with " + strconv.Itoa(resp.Status)}
	switch resp.Status {
	case 403, 404, 405, 410, 416, 420, 421, 439, 501, 604, 606:
		bad.wrong = true
	}
	after, _, _ := strings.Cut(resp.Get("Retry-After"), ";") // RFC 3261 section 20.33: seconds, a comment, parameters
	after, _, _ = strings.Cut(after, "(")
	if n, err := strconv.ParseUint(strings.TrimSpace(after), 10, 31); err == nil {
		bad.after = min(time.Duration(n)*time.Second, longestAfter)
	}
	return bad
}

// granted is what the registrar gave our Contact; other bindings of the account are somebody else's. A registrar that does not say
// gave what we asked for (RFC 3261 section 10.2.4).
func (l *line) granted(resp *stack.Response, asked int) time.Duration {
	seconds := asked
	if n, ok := resp.Expires(); ok {
		seconds = n
	}
	list, err := resp.Contacts()
	for _, a := range list {
		if err != nil || !l.ours(a.URI) {
			continue
		}
		if v, ok := a.Params.Get("expires"); ok {
			if n, err := strconv.Atoi(v); err == nil {
				seconds = n
			}
		}
	}
	return time.Duration(min(max(seconds, 1), longestAsk)) * time.Second
}

func (l *line) ours(u sip.URI) bool {
	return u.User == l.contact.User && u.Host == l.contact.Host && u.Port == l.contact.Port && u.Params.Has("bnc") == l.Bulk
}
