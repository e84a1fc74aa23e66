package peer

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"naisen/loadtest/callgen/process"
)

// Kamailio is Debian's kamailio as registrar and proxy for the same work as the switch's: SHA-256 digest for REGISTER and INVITE, bindings in
// memory, calls forwarded with transaction state. It keeps no dialogs, media, call records or audit, so its calls cost less work than ours.
type Kamailio struct {
	*Process
	Addr     netip.AddrPort // UDP
	Domain   string
	Password string // of every user
}

// kamailioConfig answers a retransmission from its transaction, challenges REGISTER and INVITE, and relays the rest inside its dialog by Request-URI.
const kamailioConfig = `#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
dns=no
rev_dns=no
auto_aliases=no
alias="%[1]s"
listen=udp:%[2]s
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/:/usr/lib/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_expires", 7200)
modparam("auth", "algorithm", "SHA-256")
request_route {
	if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
	if (has_totag()) { if (is_method("ACK")) { if (t_check_trans()) { t_relay(); exit; } t_relay(); exit; } t_relay(); exit; }
	if (is_method("ACK")) { t_check_trans(); exit; }
	t_check_trans();
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("%[1]s", "%[3]s", "0")) { www_challenge("%[1]s", "1"); exit; }
		consume_credentials();
		if (!save("location")) sl_reply_error();
		exit;
	}
	if (is_method("INVITE")) {
		if (!pv_www_authenticate("%[1]s", "%[3]s", "0")) { www_challenge("%[1]s", "1"); exit; }
		consume_credentials();
		if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
		t_relay();
		exit;
	}
	sl_send_reply("405", "Method Not Allowed");
}
`

// StartKamailio runs it with one worker on a free port of 127.0.0.1 and waits until it listens. prefix is put before the command.
func StartKamailio(ctx context.Context, dir, domain string, prefix []string) (*Kamailio, error) {
	port, err := FreePort("127.0.0.1")
	if err != nil {
		return nil, err
	}
	if dir, err = os.MkdirTemp(dir, "kamailio"); err != nil {
		return nil, err
	}
	k := &Kamailio{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)), Domain: domain, Password: "one-for-all"}
	file := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(file, fmt.Appendf(nil, kamailioConfig, domain, k.Addr, k.Password), 0o600); err != nil {
		return nil, err
	}
	command := append(slices.Clone(prefix), "kamailio", "-DD", "-f", file, "-P", filepath.Join(dir, "pid"), "-Y", dir, "-m", "256", "-M", "32")
	if k.Process, err = Start(dir, command[0], command[1:]...); err != nil {
		return nil, err
	}
	if err := Until(10*time.Second, func() bool { return taken("udp", k.Addr) || ctx.Err() != nil }); err != nil {
		k.Stop()
		return nil, fmt.Errorf("%w: kamailio does not listen\n%s", err, k.Output())
	}
	return k, ctx.Err()
}

// CPU is the user and system time of all its processes so far.
func (k *Kamailio) CPU() (user, system time.Duration, err error) {
	pids, err := descendants(k.PID())
	if err != nil {
		return 0, 0, err
	}
	for _, pid := range pids {
		u, s, err := process.CPU(pid)
		if err != nil {
			return 0, 0, err
		}
		user, system = user+u, system+s
	}
	return user, system, nil
}

// descendants are a process and those that it forked, as /proc tells.
func descendants(root int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	parents := map[int]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue // it ended meanwhile
		}
		if f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:])); len(f) > 1 {
			parents[pid], _ = strconv.Atoi(f[1])
		}
	}
	out := []int{root}
	for i := 0; i < len(out); i++ {
		for pid, parent := range parents {
			if parent == out[i] && !slices.Contains(out, pid) {
				out = append(out, pid)
			}
		}
	}
	return out, nil
}
