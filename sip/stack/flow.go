package stack

import (
	"crypto/x509"
	"net/netip"
)

// Flow is one way to reach a peer: a remote address on one of our UDP sockets, or one TCP/TLS connection. It never changes.
type Flow struct {
	id            string
	transport     string
	local, remote netip.AddrPort
	udp           *packetListener
	conn          *conn
	certs         []*x509.Certificate
	peer          *x509.Certificate
}

// ID is unique among live flows; equal for the same UDP pair.
func (f *Flow) ID() string {
	if f.udp != nil {
		return "udp:" + f.local.String() + ">" + f.remote.String()
	}
	return f.id
}

func (f *Flow) Transport() string      { return f.transport } // "udp", "tcp", "tls", "ws", "wss"
func (f *Flow) Local() netip.AddrPort  { return f.local }
func (f *Flow) Remote() netip.AddrPort { return f.remote }
func (f *Flow) Secure() bool           { return f.transport == "tls" || f.transport == "wss" } // TLS
func (f *Flow) Web() bool              { return f.conn != nil && f.conn.ws != nil }            // a WebSocket

// PeerCertificates is the chain that the peer of a TLS flow presented. On a connection that it opened nothing of it is proven: see VerifyPeer.
func (f *Flow) PeerCertificates() []*x509.Certificate { return f.certs }

// Alive tells whether a request could be sent on it now. A UDP flow always is.
func (f *Flow) Alive() bool { return f.conn == nil || !f.conn.ending() }

// String is for logs.
func (f *Flow) String() string { return f.ID() }

func (f *Flow) reliable() bool { return f.conn != nil }

// write sends one whole message. b may be reused afterwards. Errors: ErrFlowGone, ErrTransport.
func (f *Flow) write(b []byte) error {
	if f.conn != nil {
		return f.conn.send(b)
	}
	f.udp.s.traceOut(f, b)
	return f.udp.send(b, f.remote)
}
