package siem

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Transport is how messages go.
type Transport string

// The transports. What is not TLS is read by everybody on the way: see Config.
const (
	TLS Transport = "tls"
	TCP Transport = "tcp"
	UDP Transport = "udp"
)

const (
	dialTime  = 10 * time.Second
	writeTime = 30 * time.Second // for a batch to be taken, and to arrive
	ackEvery  = 10 * time.Millisecond
)

var errGone = errors.New("siem: the log server ended the connection")

// link is one connection. A goroutine reads from it, since a log server says nothing but that it ends, and why.
type link struct {
	conn   net.Conn
	socket *net.TCPConn  // below TLS; nil: UDP, which confirms nothing
	gone   chan struct{} // closed when the other side ended
}

func dial(ctx context.Context, c Config) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	network := "tcp"
	if c.Transport == UDP {
		network = "udp"
	}
	conn, err := (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext(ctx, network, c.Address)
	if err != nil {
		return nil, err
	}
	l := &link{conn: conn, gone: make(chan struct{})}
	l.socket, _ = conn.(*net.TCPConn)
	if c.Transport == TLS {
		secure := tls.Client(conn, c.TLS)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		l.conn = secure
	}
	go l.listen()
	return l, nil
}

// listen waits for the end. Of UDP it is told of ports that nobody listens at, which come and go.
func (l *link) listen() {
	defer close(l.gone)
	room := make([]byte, 512)
	for {
		if _, err := l.conn.Read(room); err != nil && (l.socket != nil || errors.Is(err, net.ErrClosed)) {
			return
		}
	}
}

// send writes and waits until the other side's TCP has confirmed all of it.
func (l *link) send(ctx context.Context, batch []byte) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if _, err := l.conn.Write(batch); err != nil || l.socket == nil {
		return err
	}
	limit := time.NewTimer(writeTime)
	defer limit.Stop()
	tick := time.NewTicker(ackEvery)
	defer tick.Stop()
	for {
		if n, err := l.unconfirmed(); n == 0 || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-l.gone:
			return errGone
		case <-limit.C:
			return fmt.Errorf("siem: the log server confirms nothing for %v", writeTime)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// unconfirmed is how many octets the other side's TCP has not confirmed (SIOCOUTQ, tcp(7)).
func (l *link) unconfirmed() (n int, err error) {
	raw, err := l.socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return n, errors.Join(err, failed)
}

// close ends the connection and waits for its reader.
func (l *link) close() {
	_ = l.conn.SetDeadline(time.Now().Add(time.Second))
	_ = l.conn.Close() // it is given up
	<-l.gone
}
