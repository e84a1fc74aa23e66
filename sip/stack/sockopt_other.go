//go:build !linux

package stack

import (
	"net"
	"time"
)

// tuneSocket lets the kernel notice a dead peer. Without TCP_USER_TIMEOUT that takes as long as the system's retransmissions.
func tuneSocket(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 30 * time.Second, Count: 3})
	}
}

// widen asks for a receive buffer of so many bytes.
func widen(u *net.UDPConn, bytes int) { _ = u.SetReadBuffer(bytes) }

// kernelDropped is not known here.
func kernelDropped(any) uint64 { return 0 }
