package stack

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const (
	keepAliveEvery = 30 * time.Second
	unackedTime    = 4500 * time.Millisecond // a phone that vanished without FIN fails over within 5 s (threats.md D10)
)

// tuneSocket lets the kernel notice a dead peer. A connection that is not TCP, as in tests, is left alone.
func tuneSocket(c net.Conn) {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: keepAliveEvery, Interval: keepAliveEvery, Count: 3})
	rc, err := t.SyscallConn()
	if err != nil {
		return
	}
	_ = rc.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unackedTime/time.Millisecond))
	})
}
