package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"naisen/sip/stack"
)

// listener is a real stack on loopback that answers a REGISTER with 200 once the phone has authenticated.
type listener struct {
	a        *Authenticator
	outcomes chan Outcome
}

func (l *listener) Request(tx *stack.ServerTx) {
	req := tx.Request()
	o := l.a.Check(req, realm, 401)
	switch o := o.(type) {
	case OK:
		resp := stack.NewResponse(req, 200, "")
		resp.Add("Contact", req.Get("Contact"))
		_ = tx.Respond(resp)
	case Challenge:
		_ = tx.Challenge(o.Response)
	case Refused:
		_ = tx.Challenge(o.Response)
	}
	select {
	case l.outcomes <- o:
	default: // the test has seen enough
	}
}

func (l *listener) Ack(*stack.Request)            {}
func (l *listener) Cancel(*stack.ServerTx)        {}
func (l *listener) StrayResponse(*stack.Response) {}
func (l *listener) FlowClosed(*stack.Flow)        {}

func listen(t *testing.T, md5 bool) (*listener, netip.AddrPort) {
	t.Helper()
	l := &listener{outcomes: make(chan Outcome, 64)}
	l.a = New(Config{OfferMD5: func(string, Peer) bool { return md5 }}, book{realm + "/1001": credential("1001", "secret")})
	s, err := stack.New(stack.Config{Listen: []stack.Listen{{Transport: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}}}, l, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l, s.LocalAddrs()[0].Addr
}

// start runs a phone until the test ends.
func start(t *testing.T, name string, args ...string) (ended chan struct{}) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%v: loadtest/install.sh brings it", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.WaitDelay = t.TempDir(), time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended = make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return ended
}

// verdicts collects what Check said until the phone is in or has been silent for long enough to have given up.
func (l *listener) verdicts(t *testing.T) (seen []string) {
	t.Helper()
	quiet := time.NewTimer(time.Minute) // to start on a busy machine
	defer quiet.Stop()
	for {
		select {
		case o := <-l.outcomes:
			seen = append(seen, verdict(o))
			if _, in := o.(OK); in || len(seen) > 10 {
				return seen
			}
			quiet.Reset(5 * time.Second)
		case <-quiet.C:
			return seen
		}
	}
}

func sipp(t *testing.T, to netip.AddrPort) {
	scenario, err := filepath.Abs(filepath.Join("testdata", "sipp-register.xml"))
	if err != nil {
		t.Fatal(err)
	}
	start(t, "sipp", to.String(), "-sf", scenario, "-m", "1", "-i", "127.0.0.1", "-nostdin", "-timeout", "100")
}

func baresip(t *testing.T, to netip.AddrPort) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("config", "poll_method epoll\nsip_listen 127.0.0.1:0\nmodule_path /usr/lib/baresip/modules\nmodule g711.so\nmodule_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\n")
	write("accounts", fmt.Sprintf("<sip:1001@%s;transport=udp>;auth_user=1001;auth_pass=secret;regint=60\n", to))
	start(t, "baresip", "-f", dir)
}

// The table of doc.go, as far as the phones come with Debian: where MD5 is allowed they get in at the first challenge, where it is
// not they never do.
func TestRealPhonesAnswerTheChallenge(t *testing.T) {
	for name, phone := range map[string]func(*testing.T, netip.AddrPort){"sipp": sipp, "baresip": baresip} {
		for _, md5 := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", MD5 allowed ", md5), func(t *testing.T) {
				t.Parallel()
				l, at := listen(t, md5)
				phone(t, at)
				seen := l.verdicts(t)
				in := len(seen) == 2 && seen[0] == string(Missing) && seen[1] == "ok 1001 MD5"
				if len(seen) == 0 || in != md5 {
					t.Errorf("saw %q", seen)
				}
			})
		}
	}
}
