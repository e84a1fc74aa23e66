package ldap

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"naisen/provisioning/book"
)

// session is one connection. Its requests are answered one after the other, so there is never anything to abandon.
type session struct {
	server *Server
	raw    net.Conn // as it was accepted: conn, or what lies below its TLS
	conn   net.Conn
	from   netip.Addr
	secure bool
	pace   *rate.Limiter
	in     *bufio.Reader
	out    *bufio.Writer

	domain, account string // empty: nobody has bound
	secret          []byte
}

// errOver ends a session in order.
var errOver = errors.New("ldap: over")

func (c *session) serve(secure bool) {
	if secure && c.handshake() != nil {
		c.server.stats.broken.Add(1)
		return
	}
	c.buffers()
	for {
		b, err := c.read()
		if err == nil {
			err = c.handle(b)
		}
		if err == nil {
			err = c.flush()
		}
		if err != nil {
			if errors.Is(err, errBER) || errors.Is(err, errLarge) {
				c.server.stats.broken.Add(1)
				c.disconnect()
			}
			return
		}
	}
}

func (c *session) buffers() {
	c.in, c.out = bufio.NewReaderSize(c.conn, 4<<10), bufio.NewWriterSize(c.conn, 16<<10)
}

func (c *session) handshake() error {
	if c.server.cfg.TLS == nil {
		return errOver
	}
	t := tls.Server(c.conn, c.server.cfg.TLS)
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	if err := t.HandshakeContext(context.Background()); err != nil { // the deadline ends it, and Close does
		return err
	}
	_ = c.conn.SetDeadline(time.Time{})
	c.conn, c.secure = t, true
	c.buffers()
	return nil
}

// read gives one whole message.
func (c *session) read() ([]byte, error) {
	if wait := c.pace.Reserve().Delay(); wait > 0 && !c.server.pause(wait) { // what comes too fast waits in its own socket
		return nil, errOver
	}
	wait := stranger
	if c.account != "" {
		wait = idle
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(wait))
	if _, err := c.in.Peek(1); err != nil {
		return nil, err
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	var b []byte
	for {
		_, _, size, need, err := header(b)
		switch {
		case err != nil:
			return nil, err
		case need:
			next, err := c.in.ReadByte()
			if err != nil {
				return nil, err
			}
			if b = append(b, next); b[0] != tagSequence { // no LDAP: nothing more is waited for
				return nil, errBER
			}
			continue
		}
		if size > maxMessage {
			return nil, errLarge
		}
		rest := make([]byte, size-len(b))
		for n := 0; n < len(rest); {
			m, err := c.in.Read(rest[n:])
			if err != nil {
				return nil, err
			}
			n += m
		}
		return append(b, rest...), nil
	}
}

func (c *session) flush() error {
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
	return c.out.Flush()
}

func (c *session) write(b []byte) error {
	if c.out.Available() < len(b) {
		_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
	}
	_, err := c.out.Write(b)
	return err
}

// disconnect says why the connection ends (RFC 4511 section 4.4.1).
func (c *session) disconnect() {
	_ = c.write(answer(0, opExtendedDone, resultProtocolError, "", putText(0x8a, oidDisconnect)))
	_ = c.flush()
}

func (c *session) handle(b []byte) error {
	m, err := parseMessage(b)
	if err != nil {
		return err
	}
	switch {
	case m.op.tag == opUnbind:
		return errOver
	case m.op.tag == opAbandon:
		return nil
	case m.op.tag == opBind:
		return c.bind(m)
	case m.op.tag == opSearch && m.critical:
		return c.write(answer(m.id, opSearchDone, resultUnavailableCrit, "no control is known"))
	case m.op.tag == opSearch:
		return c.search(m)
	case m.op.tag == opExtended:
		return c.extended(m)
	}
	if done, ok := otherRequests[m.op.tag]; ok {
		return c.write(answer(m.id, done, resultInsufficient, "this directory is for reading"))
	}
	return errBER
}

// bind proves an account (RFC 4513 section 5.1.3). A secret is not even looked at where others could have heard it. Wrong ones are told to wait
// after a while, a right one never: it has 128 random bits, and a telephone with an old one may stand behind the same address.
func (c *session) bind(m message) error {
	q, err := parseBind(m.op.body)
	if err != nil {
		return err
	}
	c.domain, c.account, c.secret = "", "", nil // who binds anew is nobody until it has (RFC 4511 section 4.2.1)
	result, text := c.proves(q)
	c.server.bound(c.raw, c.account != "")
	if result == resultSuccess {
		c.server.stats.binds.Add(1)
	} else {
		c.server.stats.failures.Add(1)
	}
	return c.write(answer(m.id, opBindDone, result, text))
}

func (c *session) proves(q bind) (result int, text string) {
	switch {
	case q.version != 3:
		return resultProtocolError, "version 3 alone is spoken"
	case !q.simple:
		return resultAuthNotSupported, "simple bind alone is known"
	case q.name == "" && len(q.secret) == 0:
		return resultSuccess, "" // anonymous: it sees the root alone
	case len(q.secret) == 0:
		return resultUnwilling, "a secret is needed" // RFC 4513 section 5.1.2
	case !c.secure && !c.from.IsLoopback():
		return resultConfidentiality, "TLS is needed"
	}
	account, domain, ok := accountOf(q.name)
	if !ok {
		return resultInvalidCredentials, ""
	}
	if _, ok := c.server.cfg.Directory().BookLogin(domain, account, q.secret); !ok {
		if c.server.cfg.Guesses.Wrong(c.from, domain, account) {
			return resultBusy, ""
		}
		c.server.cfg.Log.Warn("ldap: wrong secret, or no such account", "from", c.from)
		return resultInvalidCredentials, ""
	}
	c.domain, c.account, c.secret = domain, account, append([]byte(nil), q.secret...)
	return resultSuccess, ""
}

// extended knows StartTLS (RFC 4511 section 4.14).
func (c *session) extended(m message) error {
	r := &reader{rest: m.op.body}
	oid := r.text(0x80)
	if r.more() {
		r.expect(0x81)
	}
	if r.err != nil || len(r.rest) > 0 {
		return errBER
	}
	name := putText(0x8a, oidStartTLS)
	switch {
	case oid != oidStartTLS:
		return c.write(answer(m.id, opExtendedDone, resultProtocolError, "unknown"))
	case c.server.cfg.TLS == nil:
		return c.write(answer(m.id, opExtendedDone, resultUnwilling, "no certificate", name))
	case c.secure || c.in.Buffered() > 0: // what came before the handshake could be anybody's
		return c.write(answer(m.id, opExtendedDone, resultOther, "", name))
	}
	err := c.write(answer(m.id, opExtendedDone, resultSuccess, "", name))
	if err == nil {
		err = c.flush()
	}
	if err == nil {
		err = c.handshake()
	}
	c.domain, c.account, c.secret = "", "", nil
	return err
}

// search answers with the root, the domain or its entries.
func (c *session) search(m message) error {
	q, err := parseSearch(m.op.body)
	if err != nil {
		return err
	}
	c.server.stats.searches.Add(1)
	if q.base == "" && q.scope == scopeBase {
		return c.root(m.id, q)
	}
	done := func(result int, text string) error { return c.write(answer(m.id, opSearchDone, result, text)) }
	if c.account == "" {
		return done(resultInsufficient, "bind first")
	}
	now := c.server.cfg.Directory()
	v, ok := now.BookLogin(c.domain, c.account, c.secret) // again each time: an account may end
	if !ok {
		c.domain, c.account, c.secret = "", "", nil
		return done(resultInsufficient, "the account has ended")
	}
	base, at := baseOf(c.domain), plainDN(q.base)
	inside := strings.HasSuffix(at, ","+base)
	switch {
	case at == "" || at == base || inside && strings.HasPrefix(at, "ou=") && q.scope != scopeBase: // telephones ask below ou=people and the like
		at = ""
	case !inside:
		return done(resultNoSuchObject, "")
	}
	result, err := c.entries(m.id, q, now.Book(c.domain), v, base, at)
	if err != nil {
		return err
	}
	return done(result, "")
}

// entries writes what is found. at is the name of the one entry that is asked for; empty: all of them.
func (c *session) entries(id int, q search, b *book.Book, v book.Viewer, base, at string) (result int, err error) {
	limit := maxEntries
	if q.sizeLimit > 0 {
		limit = min(limit, q.sizeLimit)
	}
	most := maxSearch
	if q.timeLimit > 0 {
		most = min(most, time.Duration(q.timeLimit)*time.Second)
	}
	end := time.Now().Add(most)
	if at == "" && q.scope == scopeBase {
		return resultSuccess, c.write(entryMessage(id, base, []attribute{{"objectClass", []string{"top", "dcObject", "organization"}}, {"o", []string{c.domain}}}, q.typesOnly))
	}
	sent, seen, found := 0, 0, at == ""
	for e := range b.All(v) {
		if seen++; seen%256 == 0 && time.Now().After(end) {
			return resultTimeLimit, nil
		}
		if at != "" {
			if plainDN(dnOf(e, base)) != at {
				continue
			}
			if found = true; q.scope == scopeOne || q.scope == scopeChildren {
				break
			}
		}
		if q.filter.match(e) != yes {
			continue
		}
		if sent == limit {
			return resultSizeLimit, nil
		}
		sent++
		if err := c.write(entryMessage(id, dnOf(e, base), chosen(e, q.want), q.typesOnly)); err != nil {
			return 0, fmt.Errorf("ldap: write an entry: %w", err)
		}
	}
	if !found {
		return resultNoSuchObject, nil
	}
	return resultSuccess, nil
}

// root is what anybody may know of the server (RFC 4512 section 5.1).
func (c *session) root(id int, q search) error {
	list := []attribute{{"objectClass", []string{"top"}}, {"supportedLDAPVersion", []string{"3"}}}
	if c.server.cfg.TLS != nil {
		list = append(list, attribute{"supportedExtension", []string{oidStartTLS}})
	}
	if c.account != "" {
		list = append(list, attribute{"namingContexts", []string{baseOf(c.domain)}})
	}
	if err := c.write(entryMessage(id, "", list, q.typesOnly)); err != nil {
		return err
	}
	return c.write(answer(id, opSearchDone, resultSuccess, ""))
}
