package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"naisen/cmd/pbx/internal/demo"
	"naisen/provisioning/audit"
	"naisen/sip/stack"
)

// demoCmd runs the switch with built-in phones against itself.
type demoCmd struct {
	Keep    bool `help:"Keep the directory with the switch's data."`
	Verbose bool `help:"Log to standard error instead of a file in that directory."`
}

// Run implements `pbx demo`.
func (c demoCmd) Run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "naisen-demo-")
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(dir, "pbx.log"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	var logs io.Writer = file
	if c.Verbose {
		logs = os.Stderr
	}
	fmt.Fprintln(out, "Naisen 内線: a recorded call, from the first INVITE to the proof in the audit log. All of it is real: sockets, keys, audio.")
	err = demo.Run(ctx, demo.Config{Out: out, Dir: dir, Start: demoStart(logger(LogConfig{}, logs))})
	err = errors.Join(err, file.Close())
	if c.Keep {
		fmt.Fprintf(out, "Kept: %s (pbx.log is the log of the switch)\n", dir)
		return err
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// demoStart runs a switch on free ports of loopback, on defaults otherwise.
func demoStart(log *slog.Logger) func(context.Context, string, func(stack.Traced)) (*demo.Switch, error) {
	return func(ctx context.Context, dir string, trace func(stack.Traced)) (*demo.Switch, error) {
		web, err := freePort()
		if err != nil {
			return nil, err
		}
		c := Config{Data: dir, SIP: SIPConfig{Listen: []string{"udp:127.0.0.1:0", "tls:127.0.0.1:0"}}, HTTP: HTTPConfig{Listen: web.String(), Metrics: "off"},
			Drain: Duration(2 * time.Second)}
		c.setDefaults()
		if err := c.Validate(); err != nil {
			return nil, err
		}
		return runForDemo(ctx, c, trace, log)
	}
}

// runForDemo runs a switch as a demonstration sees it.
func runForDemo(ctx context.Context, c Config, trace func(stack.Traced), log *slog.Logger) (*demo.Switch, error) {
	p, err := assemble(ctx, c, trace, log)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx)) // the demo stops it, also when its own time is up
	ended := make(chan error, 1)
	go func() { ended <- p.run(life) }()
	s := &demo.Switch{Dir: c.Data, Domain: c.Domain, DID: seedDID, Extension: "2001", Password: p.first.Extensions["2001"], Admin: p.first.Admin,
		Certificate: p.certificates.cert, URL: c.HTTP.URL, Notice: seedNotice, Prompts: p.prompts,
		Verify: func(ctx context.Context, dir string) (audit.Report, error) {
			return auditVerifyCmd{}.verify(ctx, Config{Data: dir}, io.Discard)
		},
		Stop: func() error { stop(); return <-ended }}
	for _, l := range p.stack.LocalAddrs() {
		switch l.Transport {
		case "udp":
			s.UDP = l.Addr
		case "tls":
			s.TLS = l.Addr
		}
	}
	return s, nil
}

// freePort finds a TCP port for HTTP: the sign-in pages need to know their address before there is a listener.
func freePort() (netip.AddrPort, error) {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		return netip.AddrPort{}, err
	}
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	return addr, l.Close()
}
