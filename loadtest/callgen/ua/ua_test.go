package ua

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"naisen/sip/stack"
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func phone(t *testing.T, cfg Config) *Phone {
	t.Helper()
	cfg.Local = loopback
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestCall(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			callee := phone(t, Config{Transport: transport, Switch: netip.MustParseAddrPort("127.0.0.1:9"), User: "2002", Incoming: func() Answerer {
				return func(offer []byte) ([]byte, error) {
					if string(offer) == "bad" {
						return nil, errors.New("no")
					}
					return append([]byte("answer to "), offer...), nil
				}
			}})
			at := callee.stack.LocalAddrs()[0].Addr
			caller := phone(t, Config{Transport: transport, Switch: at, User: "2001"})
			nothing := func([]byte) {}
			c, err := caller.Call(ctx, "2002", []byte("offer"), nothing, nil)
			if err != nil {
				t.Fatal(err)
			}
			if string(c.Answer) != "answer to offer" || c.Setup <= 0 || callee.Live() != 1 {
				t.Errorf("%q %v, %d live", c.Answer, c.Setup, callee.Live())
			}
			c.Hangup()
			for callee.Live() > 0 && ctx.Err() == nil {
				tick := time.NewTimer(time.Millisecond)
				<-tick.C
			}
			if ctx.Err() != nil {
				t.Error("the callee still talks")
			}
			if _, err := caller.Call(ctx, "2002", []byte("bad"), nothing, nil); !errors.Is(err, ErrEnded) {
				t.Errorf("refused: %v", err)
			}
			if err := caller.Register(ctx, time.Minute); !errors.Is(err, ErrRefused) {
				t.Errorf("a phone is no registrar: %v", err)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	p := phone(t, Config{Transport: "tcp", Switch: netip.MustParseAddrPort("127.0.0.1:9"), User: "2001"})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := p.Register(ctx, time.Minute); !errors.Is(err, stack.ErrTransport) {
		t.Error(err)
	}
}
