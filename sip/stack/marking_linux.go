package stack

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// marking is the ancillary data that gives one datagram its DSCP (RFC 2474 section 3), so that a socket may serve carriers that want
// different ones; nil for 0.
func marking(to netip.Addr, dscp int) []byte {
	if dscp <= 0 || dscp > 63 {
		return nil
	}
	b := make([]byte, unix.CmsgSpace(4))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.IPPROTO_IP, unix.IP_TOS
	if to.Is6() && !to.Is4In6() {
		h.Level, h.Type = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	h.SetLen(unix.CmsgLen(4))
	binary.NativeEndian.PutUint32(b[unix.CmsgLen(0):], uint32(dscp)<<2)
	return b
}
