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
