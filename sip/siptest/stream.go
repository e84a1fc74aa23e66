package siptest

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// keepAlive is how often a telephone on a connection shows that it lives (RFC 5626 section 4.4.1): a little sooner than it is usually told.
const keepAlive = 95 * time.Second

// Framed makes a connection look like a datagram socket to a Phone: each read is a message, the answers to keep-alives are passed over. It sends them by
// itself.
func Framed(c net.Conn) net.PacketConn {
	f := &framed{Conn: c}
	f.beat()
	return f
}

type framed struct {
	net.Conn
	got []byte // read and no message yet; only the reader touches it

	mu     sync.Mutex
	timer  *time.Timer
	closed bool
}

func (f *framed) beat() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.timer = time.AfterFunc(keepAlive, func() {
		_, _ = f.Conn.Write([]byte("\r\n\r\n"))
		f.beat()
	})
}

func (f *framed) Close() error {
	f.mu.Lock()
	f.closed = true
	f.timer.Stop()
	f.mu.Unlock()
	return f.Conn.Close()
}

func (f *framed) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		f.got = bytes.TrimLeft(f.got, "\r\n")
		if n := frameLength(f.got); n > 0 && n <= len(f.got) {
			m := copy(b, f.got[:n])
			f.got = f.got[n:]
			return m, f.RemoteAddr(), nil
		}
		buf := make([]byte, 65535)
		n, err := f.Read(buf)
		f.got = append(f.got, buf[:n]...)
		if err != nil {
			return 0, nil, err
		}
	}
}

func (f *framed) WriteTo(b []byte, _ net.Addr) (int, error) { return f.Write(b) }

// frameLength is that of the message at the beginning of b; 0: its headers are not all here.
func frameLength(b []byte) int {
	head, _, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		return 0
	}
	body := 0
	for _, line := range strings.Split(string(head), "\r\n") {
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			body, _ = strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return len(head) + 4 + body
}

// Move gives the phone another socket, of any kind: it is somewhere else now. The one before is closed.
func (p *Phone) Move(pc net.PacketConn) {
	p.t.Helper()
	a, err := netip.ParseAddrPort(pc.LocalAddr().String())
	if err != nil {
		p.t.Fatal(err)
	}
	_ = p.pc.Close()
	p.pc, p.Addr = pc, a
	p.t.Cleanup(func() { _ = pc.Close() })
}
