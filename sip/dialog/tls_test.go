package dialog_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// certificate is made inside the bubble, whose clock starts in 2000.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{bob.Addr().AsSlice()}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestSecureDialogTakesNothingInClearText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := siptest.NewNetwork(1)
		near := newSide(t, network, pbx, dialog.Config{})
		defer near.stop()
		cert, roots := certificate(t)
		far := &bench{t: t, net: network, in: make(chan *leg, 1), refused: make(chan error, 1)}
		config := network.Config(stack.Listen{Transport: "tls", Addr: bob}, stack.Listen{Transport: "udp", Addr: bob})
		config.TLS = func() (*tls.Config, error) { return &tls.Config{Certificates: []tls.Certificate{cert}}, nil }
		st, err := stack.New(config, far, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		far.st, far.ua = st, dialog.New(st, dialog.Config{}, slog.New(slog.DiscardHandler))
		done := make(chan struct{})
		go func() { defer close(done); _ = st.Serve(t.Context()) }()
		defer func() { _ = st.Close(); <-done }()

		out := near.invite(func(i *dialog.Invite) {
			i.Targets = []stack.Target{{Transport: "tls", Addr: bob, Local: pbx.Addr(), TLS: &stack.ClientTLS{Config: &tls.Config{RootCAs: roots, ServerName: bob.Addr().String()}}}}
		})
		in := far.accepted()
		in.Answer([]byte("answer"))
		wait(100 * time.Millisecond)
		out.want("answered answer")
		if !in.Secure() || !out.Secure() {
			t.Fatal("not over TLS")
		}
		thief := network.Phone(t, "thief", alice, bob)
		for _, method := range []string{"BYE", "INVITE", "INFO"} { // it has seen the tags somewhere
			r := thief.NewRequest(method, "x")
			r.Set("Call-ID", out.CallID())
			r.SetFrom(r.From().WithTag(out.LocalTag()))
			r.SetTo(r.To().WithTag(in.LocalTag()))
			r.Set("CSeq", "100 "+method)
			thief.Send(r)
			thief.ExpectStatus(403, method)
			if method == "INVITE" {
				thief.Send(ackOf(r))
			}
		}
		in.want()
		out.End(sip.CauseNormal)
		wait(100 * time.Millisecond)
		in.want("ended 200/16 by peer")
		out.want("ended 200/16")
	})
}

// ackOf acknowledges a refusal within the transaction.
func ackOf(invite *stack.Request) *stack.Request {
	r := invite.Clone()
	r.Method = "ACK"
	r.Set("CSeq", "100 ACK")
	return r
}
