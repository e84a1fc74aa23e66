package carrier

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// link is one way to the other side.
type link interface {
	send(b []byte) error
	transport() string // as in Via
	local() netip.AddrPort
	certificates() []*x509.Certificate // what the other side showed
}

type datagrams struct {
	conn *net.UDPConn
	to   netip.AddrPort
}

func (d datagrams) send(b []byte) error {
	_, err := d.conn.WriteToUDPAddrPort(b, d.to)
	return err
}
func (d datagrams) transport() string                 { return "UDP" }
func (d datagrams) local() netip.AddrPort             { return addrOf(d.conn.LocalAddr()) }
func (d datagrams) certificates() []*x509.Certificate { return nil }

type connection struct {
	conn net.Conn
	mu   *sync.Mutex // writes
}

func (c connection) send(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.conn.SetWriteDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	_, err := c.conn.Write(b)
	return err
}

func (c connection) transport() string {
	if _, ok := c.conn.(*tls.Conn); ok {
		return "TLS"
	}
	return "TCP"
}
func (c connection) local() netip.AddrPort { return addrOf(c.conn.LocalAddr()) }
func (c connection) certificates() []*x509.Certificate {
	if t, ok := c.conn.(*tls.Conn); ok {
		return t.ConnectionState().PeerCertificates
	}
	return nil
}

func addrOf(a net.Addr) netip.AddrPort {
	p, _ := netip.ParseAddrPort(a.String()) // of a socket of ours: always one
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// listenUDP opens a socket that tells the type of service of each packet and sends with the given one.
func listenUDP(at netip.AddrPort, tos int) (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		ctlErr := raw.Control(func(fd uintptr) {
			err = errors.Join(unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTOS, 1), unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TOS, tos))
		})
		err = errors.Join(err, ctlErr)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// readUDP gives each packet with its source and type of service (-1: unknown) until the socket is closed. The bytes are the callee's.
func readUDP(conn *net.UDPConn, f func(b []byte, from netip.AddrPort, tos int)) {
	buf, oob := make([]byte, 65536), make([]byte, 128)
	for {
		n, m, _, from, err := conn.ReadMsgUDPAddrPort(buf, oob)
		if err != nil {
			return
		}
		f(bytes.Clone(buf[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), typeOfService(oob[:m]))
	}
}

func typeOfService(oob []byte) int {
	all, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1
	}
	for _, c := range all {
		if c.Header.Level == unix.IPPROTO_IP && c.Header.Type == unix.IP_TOS && len(c.Data) > 0 {
			return int(c.Data[0])
		}
	}
	return -1
}

// readStream frames messages by Content-Length, which a stream needs (RFC 3261 section 18.3). Keep-alive is answered (RFC 5626 section 3.5.1).
func readStream(conn net.Conn, pong func(), f func(b []byte)) error {
	r := bufio.NewReader(conn)
	for {
		var head bytes.Buffer
		length := -1
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			if line == "\r\n" && head.Len() == 0 {
				if next, err := r.Peek(2); err == nil && string(next) == "\r\n" {
					pong()
				}
				continue
			}
			head.WriteString(line)
			if line == "\r\n" {
				break
			}
			if name, value, ok := strings.Cut(line, ":"); ok && (strings.EqualFold(name, "content-length") || strings.EqualFold(name, "l")) {
				if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 || length > 1<<20 {
					return ErrSyntax
				}
			}
		}
		if length < 0 {
			f(head.Bytes()) // the rule "content-length" refuses it
			return ErrSyntax
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(r, body); err != nil {
			return err
		}
		f(append(head.Bytes(), body...))
	}
}
