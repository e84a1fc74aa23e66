package unbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Told is what a telephone of Yealink's reads of where it goes on.
type Told struct {
	Server   string // of its configuration
	Firmware string // URL; empty: it keeps what it has
}

// Look fetches its own file ("Auto Provisioning Guide": static.auto_provision.server.url, static.firmware.url).
func (p *Phone) Look(ctx context.Context, server string) (Told, error) {
	transport := &http.Transport{TLSClientConfig: p.TLS}
	defer transport.CloseIdleConnections()
	p.client = &http.Client{Transport: transport, Timeout: time.Minute}
	file, err := p.get(ctx, server+p.MAC+".cfg")
	if err != nil {
		return Told{}, err
	}
	var t Told
	for text := range strings.Lines(string(file)) {
		switch name, value, _ := strings.Cut(strings.TrimRight(text, "\r\n"), " = "); name {
		case "static.auto_provision.server.url":
			t.Server = value
		case "static.firmware.url":
			t.Firmware = value
		}
	}
	return t, nil
}

// Fetch downloads its firmware.
func (p *Phone) Fetch(ctx context.Context, url string) ([]byte, error) {
	transport := &http.Transport{TLSClientConfig: p.TLS}
	defer transport.CloseIdleConnections()
	p.client = &http.Client{Transport: transport, Timeout: time.Minute}
	return p.get(ctx, url)
}

// Asked waits until it is asked to look again (NOTIFY, Event: check-sync), says that it will, and gives true; false: the connection ended.
func (p *Phone) Asked(c net.Conn) (bool, error) {
	for {
		line, err := p.in.ReadLine()
		if errors.Is(err, net.ErrClosed) || err != nil && !strings.HasPrefix(line, "NOTIFY ") {
			return false, nil // a telephone that is switched off waits for nothing
		}
		head, err := p.in.ReadMIMEHeader()
		if err != nil {
			return false, nil
		}
		if !strings.HasPrefix(line, "NOTIFY ") {
			continue
		}
		answer := "SIP/2.0 200 OK\r\n"
		for _, name := range []string{"Via", "From", "To", "Call-Id", "Cseq"} {
			for _, v := range head.Values(name) {
				if name == "To" && !strings.Contains(v, ";tag=") {
					v += ";tag=p"
				}
				answer += name + ": " + v + "\r\n"
			}
		}
		if _, err := fmt.Fprint(c, answer+"Content-Length: 0\r\n\r\n"); err != nil {
			return false, err
		}
		if head.Get("Event") == "check-sync" {
			return true, nil
		}
	}
}

// Close switches it off: its connection ends without a word.
func Close(c net.Conn) error {
	if t, ok := c.(*tls.Conn); ok {
		return t.NetConn().Close()
	}
	return c.Close()
}
