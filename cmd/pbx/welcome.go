package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"naisen/provisioning"
)

// welcome prints how to point a softphone, a carrier and curl at the switch. Passwords are printed on the first run only: they are
// kept nowhere in clear.
func (p *pbx) welcome(out io.Writer) {
	c := p.config
	w := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	w("")
	w("Naisen 内線 is running. Data: %s", c.Data)
	p.welcomeFirstRun(w)
	w("")
	w("  Softphone   user 2001, domain %s, registrar %s (UDP, TCP)", c.Domain, p.reachedAt("udp", false))
	w("              or %s (TLS, SRTP; certificate %s)", p.reachedAt("tls", false), p.certificates.cert)
	w("              dial 2002; dial 0... for the carrier")
	w("  Carrier     a SIP peer at %s (UDP) calls sip:%s@%s without a password:", seedCarrier, seedDID, p.reachedAt("udp", true))
	w("              it is told that it is recorded, and those of 2001 and 2002 that are registered ring")
	w("              sipp -sn uac -i %s -s %s %s -m 1 -d 5000", seedCarrier, seedDID, p.reachedAt("udp", true))
	if p.config.embedded() {
		w("  REST        TOKEN=$(%s login --url %s)   # user admin", program(), c.HTTP.URL)
		w("              curl -H \"Authorization: Bearer $TOKEN\" %s/v1/domains/%s/extensions", c.HTTP.URL, c.Domain)
		w("              curl -H \"Authorization: Bearer $TOKEN\" %s/v1/domains/%s/recordings", c.HTTP.URL, c.Domain)
	}
	w("  API         %s/openapi.json   metrics http://%s/metrics", c.HTTP.URL, c.HTTP.Metrics)
	if path, here := p.vault.files.RecoveryPath(); here {
		w("")
		w("  Move %s to a safe place off this machine: it opens every recording when the vault's key is lost.", path)
	}
	w("")
}

func (p *pbx) welcomeFirstRun(w func(string, ...any)) {
	if len(p.first.Extensions) > 0 {
		w("")
		w("  First run: these passwords are shown this once.")
		numbers := make([]string, 0, len(p.first.Extensions))
		for n := range p.first.Extensions {
			numbers = append(numbers, n)
		}
		slices.Sort(numbers)
		for _, n := range numbers {
			w("    extension %s   password %s", n, p.first.Extensions[n].Reveal())
		}
	}
	if !p.first.Sealed.IsZero() {
		w("    break-glass account %s   credential %s   (put it into an envelope: its use is an alarm, and is reviewed)", provisioning.SealedAccount, p.first.Sealed.Reveal())
	}
	if !p.first.Admin.IsZero() {
		w("    administrator admin   one-time password %s   (the first sign-in asks for a new one)", p.first.Admin.Reveal())
	}
}

// reachedAt is the listening address to show: IPv4 before IPv6, and of this machine or towards others as asked.
func (p *pbx) reachedAt(transport string, here bool) string {
	best, score := "(not listening)", 0
	for _, l := range p.stack.LocalAddrs() {
		if l.Transport != transport {
			continue
		}
		n := 1
		if l.Addr.Addr().IsLoopback() == here {
			n += 2
		}
		if l.Addr.Addr().Is4() {
			n++
		}
		if n > score {
			best, score = l.Addr.String(), n
		}
	}
	return best
}

// program is how the reader started us.
func program() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/pbx"
	}
	return os.Args[0]
}
