package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	turnrelay "naisen/media/turn"
	"naisen/provisioning"
)

type turnServer = turnrelay.Server

// TURNConfig is the relay for browsers that reach nothing but it. Off unless it listens somewhere.
type TURNConfig struct {
	UDP     string `yaml:"udp"`      // "192.0.2.1:3478"
	TLS     string `yaml:"tls"`      // "192.0.2.1:5349", with the certificate of sip
	Host    string `yaml:"host"`     // how browsers reach it; the address when missing
	Inside  string `yaml:"inside"`   // local address of the media that it leads to; that of udp or tls when missing
	PerUser int    `yaml:"per_user"` // allocations of one extension; 4
	Most    int    `yaml:"most"`     // of all; 200
}

func (c TURNConfig) on() bool { return c.UDP != "" || c.TLS != "" }

// addrs are the listeners and the media's address; Validate parsed them.
func (c TURNConfig) addrs() (udp, tls netip.AddrPort, inside netip.Addr, err error) {
	for _, f := range []struct {
		name, text string
		to         *netip.AddrPort
	}{{"udp", c.UDP, &udp}, {"tls", c.TLS, &tls}} {
		if f.text == "" {
			continue
		}
		if *f.to, err = netip.ParseAddrPort(f.text); err != nil {
			return udp, tls, inside, invalid("media.turn."+f.name, "is no address with a port")
		}
		if !inside.IsValid() {
			inside = f.to.Addr()
		}
	}
	if c.Inside != "" {
		if inside, err = netip.ParseAddr(c.Inside); err != nil {
			return udp, tls, inside, invalid("media.turn.inside", "is no IP address")
		}
	}
	if inside.IsUnspecified() {
		return udp, tls, inside, invalid("media.turn.inside", "must say which address the media is on")
	}
	return udp, tls, inside, nil
}

func (c TURNConfig) validate() error {
	if !c.on() {
		return nil
	}
	if c.PerUser < 0 || c.Most < 0 || c.Most > 0 && c.Most < c.quota() {
		return invalid("media.turn.most", "is fewer than one user may have")
	}
	_, _, _, err := c.addrs()
	return err
}

func (c TURNConfig) quota() int {
	if c.PerUser == 0 {
		return 4
	}
	return c.PerUser
}

func (c TURNConfig) most() int {
	if c.Most == 0 {
		return max(200, c.quota())
	}
	return c.Most
}

// wireTURN starts the relay where one is wished for. It leads to the media ports of this switch, on one address, and nowhere else.
func (p *pbx) wireTURN(context.Context) error {
	c := p.config.Media.TURN
	if !c.on() {
		return nil
	}
	udp, tlsAt, inside, err := c.addrs()
	if err != nil {
		return err
	}
	low, high, err := parsePorts(p.config.Media.Ports)
	if err != nil {
		return err
	}
	browsers := p.config.Media.Browsers
	t := turnrelay.Config{UDP: udp, TLS: tlsAt, Realm: p.config.Domain, Inside: inside, PerUser: c.quota(), Most: c.most(), Log: p.log,
		Ports: func(port uint16) bool {
			return int(port) >= low && int(port) <= high || int(port) == browsers && browsers != 0
		}}
	if a := p.config.Media.Advertise; a != "" {
		t.Public = netip.MustParseAddr(a) // Validate parsed it
	}
	if tlsAt.IsValid() {
		if t.Certs, err = p.certificates.config(); err != nil {
			return err
		}
	}
	if p.turn, err = turnrelay.New(t); err != nil {
		return fmt.Errorf("media.turn: %w", err)
	}
	p.closing("turn", func(context.Context) error { return p.turn.Close() })
	return nil
}

// relayGrants is provisioning.Relay.
type relayGrants struct {
	server *turnServer
	host   string
}

// relayAPI is what REST gives credentials of; nil without a relay.
func (p *pbx) relayAPI() provisioning.Relay {
	if p.turn == nil {
		return nil
	}
	return relayGrants{p.turn, p.config.Media.TURN.Host}
}

// Grant implements provisioning.Relay. Over TCP nothing but TLS is offered: what cannot use UDP is behind a firewall that looks at it.
func (g relayGrants) Grant(domain, extension string) provisioning.RelayGrant {
	c := g.server.Grant(domain + "/" + extension)
	out := provisioning.RelayGrant{Username: c.Username, Credential: c.Password, Expires: c.Until.UTC()}
	at := func(a netip.AddrPort) string {
		host := g.host
		if host == "" {
			host = a.Addr().Unmap().String()
		}
		return net.JoinHostPort(host, strconv.Itoa(int(a.Port())))
	}
	udp, tlsAt := g.server.Addrs()
	if udp.IsValid() {
		out.URLs = append(out.URLs, "turn:"+at(udp)+"?transport=udp")
	}
	if tlsAt.IsValid() {
		out.URLs = append(out.URLs, "turns:"+at(tlsAt)+"?transport=tcp")
	}
	return out
}

// turnStats are zero without a relay.
func (p *pbx) turnStats() (s turnrelay.Stats) {
	if p.turn != nil {
		s = p.turn.Stats()
	}
	return s
}
