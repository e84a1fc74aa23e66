package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/big"
	"net/netip"
	"os"
	"sync"
	"time"

	"naisen/loadtest/callgen/traffic"
	"naisen/loadtest/callgen/ua"
	"naisen/media"
)

// sipFlags are those of `callgen sip`.
type sipFlags struct {
	load
	sw                   string
	domain, to           string
	callerTransport      string
	calleeTransport      string
	caller, callee       string
	callerPW, calleePW   string
	callerIP, calleeIP   string
	callerMedia          string
	ca                   string
	insecure, registered bool
	pid                  int
	rate                 float64
	tlsPort              int
	settle               time.Duration
	verbose              bool
}

func parseSIP(args []string) (*sipFlags, error) {
	f := flag.NewFlagSet("sip", flag.ContinueOnError)
	c := &sipFlags{}
	c.load.flags(f)
	f.StringVar(&c.sw, "switch", "127.0.0.1:5060", "address of the switch for UDP and TCP")
	f.IntVar(&c.tlsPort, "tls-port", 5061, "its TLS port")
	f.StringVar(&c.domain, "domain", "", "SIP domain; empty: the switch's address")
	f.StringVar(&c.callerTransport, "caller-transport", "udp", "udp, tcp or tls")
	f.StringVar(&c.calleeTransport, "callee-transport", "udp", "udp, tcp or tls")
	f.StringVar(&c.caller, "caller", "2001", "user that calls")
	f.StringVar(&c.callee, "callee", "2002", "user that registers and answers")
	f.StringVar(&c.callerPW, "caller-password", "", "default: $CALLER_PASSWORD; empty: a trunk without password")
	f.StringVar(&c.calleePW, "callee-password", "", "default: $CALLEE_PASSWORD")
	f.StringVar(&c.callerIP, "caller-ip", "127.0.0.1", "the caller's address; a seeded carrier is 127.0.0.2")
	f.StringVar(&c.calleeIP, "callee-ip", "127.0.0.1", "the callee's address")
	f.StringVar(&c.callerMedia, "caller-media", "", "the caller's media if it differs from -media")
	f.StringVar(&c.to, "to", "", "number to dial; empty: the callee")
	f.StringVar(&c.ca, "ca", "", "PEM file of the CA of the switch's TLS certificate")
	f.BoolVar(&c.insecure, "insecure", false, "do not verify the switch's certificate")
	f.BoolVar(&c.registered, "register-caller", true, "register the caller too, if it has a password")
	f.IntVar(&c.pid, "pid", 0, "process of the switch, for its CPU and memory")
	f.Float64Var(&c.rate, "rate", 20, "calls set up in a second, at most")
	f.DurationVar(&c.settle, "settle", time.Second, "wait after the set-up, for prompts to end")
	f.BoolVar(&c.verbose, "v", false, "log SIP trouble")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if c.callerPW == "" { // not as a flag's default: the help would print it
		c.callerPW = os.Getenv("CALLER_PASSWORD")
	}
	if c.calleePW == "" {
		c.calleePW = os.Getenv("CALLEE_PASSWORD")
	}
	if c.callerMedia == "" {
		c.callerMedia = c.protection
	}
	if c.to == "" {
		c.to = c.callee
	}
	if c.rate <= 0 || c.rate > 1000 || c.settle < 0 || c.settle > time.Minute {
		return nil, errors.New("callgen: rate 0 to 1000, settle 0 to 1m")
	}
	return c, c.check()
}

// rig is the two phones and their legs.
type rig struct {
	flags          *sipFlags
	caller, callee *ua.Phone

	g *traffic.Generator

	mu    sync.Mutex
	legs  []*traffic.Leg
	calls []*ua.Call
	setup traffic.Histogram
}

func runSIP(ctx context.Context, args []string) (err error) {
	c, err := parseSIP(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.bound()+c.settle+time.Duration(float64(c.calls)/c.rate*2)*time.Second)
	defer cancel()
	r := &rig{flags: c}
	if r.g, err = traffic.NewGenerator(time.Now); err != nil {
		return err
	}
	defer r.g.Close()
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.start(ctx); err != nil {
		return err
	}
	idle, err := costOf(c.pid)
	if err != nil {
		return err
	}
	if err := r.fill(ctx); err != nil {
		return err
	}
	r.g.Reset()
	report := Report{Mode: "SIP through the switch"}
	if err := c.measure(ctx, r.g, c.pid, idle, &report); err != nil {
		return err
	}
	s := spread(&r.setup)
	report.Setup = &s
	if c.callerMedia != c.protection {
		report.Protection = c.callerMedia + " and " + c.protection
	}
	if live := r.callee.Live(); live != c.calls {
		err = fmt.Errorf("callgen: %d of %d calls lived to the end", live, c.calls)
	}
	return errors.Join(err, report.print(os.Stdout, c.asJSON))
}

// start makes and registers the phones.
func (r *rig) start(ctx context.Context) (err error) {
	c := r.flags
	if r.caller, err = r.phone(c.callerTransport, c.callerIP, c.caller, c.callerPW, nil); err != nil {
		return err
	}
	if r.callee, err = r.phone(c.calleeTransport, c.calleeIP, c.callee, c.calleePW, r.answer); err != nil {
		return err
	}
	if err := r.callee.Register(ctx, time.Hour); err != nil {
		return err
	}
	if c.callerPW != "" && c.registered {
		return r.caller.Register(ctx, time.Hour)
	}
	return nil
}

func (r *rig) phone(transport, local, user, password string, incoming func() ua.Answerer) (*ua.Phone, error) {
	c := r.flags
	to, err := netip.ParseAddrPort(c.sw)
	if err != nil {
		return nil, fmt.Errorf("callgen: switch: %w", err)
	}
	at, err := netip.ParseAddr(local)
	if err != nil {
		return nil, fmt.Errorf("callgen: address: %w", err)
	}
	cfg := ua.Config{Local: at, Switch: to, Transport: transport, Domain: c.domain, User: user, Password: password, Incoming: incoming}
	if c.verbose {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if transport == "tls" {
		cfg.Switch = netip.AddrPortFrom(to.Addr(), uint16(c.tlsPort))
		if cfg.ClientTLS, cfg.ServerTLS, err = c.tls(); err != nil {
			return nil, err
		}
	}
	return ua.New(cfg)
}

// tls makes the client's side, and a certificate of one hour for the address that our Contact names.
func (c *sipFlags) tls() (client, server *tls.Config, err error) {
	client = &tls.Config{ServerName: c.domain, InsecureSkipVerify: c.insecure, MinVersion: tls.VersionTLS12} // asked for by a flag of a test tool
	if c.ca != "" {
		pem, err := os.ReadFile(c.ca)
		if err != nil {
			return nil, nil, fmt.Errorf("callgen: CA: %w", err)
		}
		client.RootCAs = x509.NewCertPool()
		if !client.RootCAs.AppendCertsFromPEM(pem) {
			return nil, nil, errors.New("callgen: CA: no certificate in the file")
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("callgen: key: %w", err)
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "callgen"}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, nil, fmt.Errorf("callgen: certificate: %w", err)
	}
	return client, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, nil
}

// answer takes a call: a leg for it, handed to the one who placed the call.
func (r *rig) answer() ua.Answerer {
	var leg *traffic.Leg
	added := false
	return func(offer []byte) ([]byte, error) {
		if leg == nil {
			l, err := r.leg(r.flags.calleeIP, r.flags.protection, r.flags.codec)
			if err != nil {
				return nil, err
			}
			leg = l
		}
		answer, err := leg.Answer(media.SDP(offer))
		if err == nil && !added {
			added = true
			err = r.g.Add(leg)
		}
		return answer, err
	}
}

func (r *rig) leg(at, protection, codec string) (*traffic.Leg, error) {
	addr, err := netip.ParseAddr(at)
	if err != nil {
		return nil, fmt.Errorf("callgen: address: %w", err)
	}
	l, err := traffic.NewLeg(addr, traffic.Protection(protection))
	if err != nil {
		return nil, err
	}
	r.flags.speak(l, codec)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.legs = append(r.legs, l)
	return l, nil
}

// fill places the calls at the rate, several at a time if they take long to be answered (a notice), while those that are up already talk:
// a switch ends a call in which nobody speaks.
func (r *rig) fill(ctx context.Context) error {
	talk, quiet := context.WithCancel(ctx)
	var talking, placing sync.WaitGroup
	var talkErr error
	talking.Go(func() { talkErr = r.g.Run(talk, time.Hour, false) })
	failed := make(chan error, r.flags.calls)
	tick := time.NewTicker(time.Duration(float64(time.Second) / r.flags.rate))
	defer tick.Stop()
	for n := 0; n < r.flags.calls && len(failed) == 0 && ctx.Err() == nil; n++ {
		placing.Go(func() {
			if err := r.place(ctx); err != nil {
				failed <- fmt.Errorf("callgen: call %d: %w", n+1, err)
			}
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	placing.Wait()
	err := pause(ctx, r.flags.settle)
	quiet()
	talking.Wait()
	if !errors.Is(talkErr, context.Canceled) {
		err = errors.Join(err, talkErr)
	}
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

func (r *rig) place(ctx context.Context) error {
	a, err := r.leg(r.flags.callerIP, r.flags.callerMedia, r.flags.callerHas)
	if err != nil {
		return err
	}
	offer, err := a.Offer()
	if err != nil {
		return err
	}
	early := func(answer []byte) { _ = a.Accept(answer) } // the 200 says it again; an error shows there
	again := func(offer []byte) ([]byte, error) { return a.Answer(media.SDP(offer)) }
	call, err := r.caller.Call(ctx, r.flags.to, offer, early, again)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setup.Add(int64(call.Setup))
	r.calls = append(r.calls, call)
	if err := a.Accept(call.Answer); err != nil {
		return err
	}
	return r.g.Add(a)
}

// close hangs up and releases everything.
func (r *rig) close() error {
	for _, c := range r.calls {
		c.Hangup()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var err error
	for _, p := range []*ua.Phone{r.caller, r.callee} {
		if p != nil {
			err = errors.Join(err, p.Close(ctx))
		}
	}
	for _, l := range r.legs {
		l.Close()
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
