// Package unbox owns simulated telephones of five makers as they come out of their boxes: they know their MAC, the address of a server and, some of them, a
// certificate of their maker. Each asks for its files in the order that its maker documents, reads them as it does, and registers by TLS with what they say.
// It knows nothing of how the switch writes them.
package unbox

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
	"time"
)

// Phone is one telephone.
type Phone struct {
	Vendor string // yealink, poly, grandstream, panasonic, cisco
	MAC    string // 12 lower-case hexadecimal digits
	TLS    *tls.Config
	// Version that it runs, and says; empty: it says its maker alone.
	Version string

	client *http.Client
	in     *textproto.Reader // of its registration's connection
}

// Account is what its files say about the first line.
type Account struct {
	Number, Login, Password, Domain string
	Server                          string // of Yealink's: where it looks again
	Secure                          bool   // by TLS, and with SRTP
}

// ErrFiles says that its files do not make an account.
var ErrFiles = errors.New("unbox: the files make no account")

// agents are how they call themselves.
var agents = map[string]string{
	"yealink": "Yealink SIP-T54W 96.86.0.20 %s", "poly": "FileTransport PolyVVX-VVX_450-UA/6.4.6.2000 Type/Application", "grandstream": "Grandstream Model HW GXP2170 SW 1.0.11.64 DevId %s",
	"panasonic": "Panasonic_KX-HDV230/08.101 (%s)", "cisco": "Cisco-CP-8851-3PCC/12.0.1 (%s)",
}

// Unbox fetches its files from a server and reads them.
func (p *Phone) Unbox(ctx context.Context, server string) (Account, error) {
	transport := &http.Transport{TLSClientConfig: p.TLS}
	defer transport.CloseIdleConnections()
	p.client = &http.Client{Transport: transport, Timeout: time.Minute}
	switch p.Vendor {
	case "yealink": // "Auto Provisioning Guide": boot files first, since V81; then the common file of the model, then its own
		for _, name := range []string{"y000000000000.boot", p.MAC + ".boot", "y000000000096.cfg"} {
			if _, err := p.get(ctx, server+name); err != nil && !errors.Is(err, errNotThere) {
				return Account{}, err
			}
		}
		return p.lines(ctx, server+p.MAC+".cfg", " = ", Account{Number: "account.1.user_name", Login: "account.1.auth_name", Password: "account.1.password", Domain: "account.1.sip_server.1.address", Server: "static.auto_provision.server.url"},
			map[string]string{"account.1.sip_server.1.transport_type": "2", "account.1.srtp_encryption": "2"})
	case "panasonic": // "Administrator Guide" 2.4: master, product, standard file
		for _, name := range []string{"ConfigCommon.cfg", "ConfigKX-HDV230.cfg"} {
			if _, err := p.get(ctx, server+name); err != nil && !errors.Is(err, errNotThere) {
				return Account{}, err
			}
		}
		return p.lines(ctx, server+"Config"+strings.ToUpper(p.MAC)+".cfg", "=", Account{Number: "PHONE_NUMBER_1", Login: "SIP_AUTHID_1", Password: "SIP_PASS_1", Domain: "SIP_SVCDOMAIN_1"},
			map[string]string{"SIP_TRANSPORT_1": "2", "SRTP_CONNECT_MODE_1": "0"})
	case "poly": // "UC Software Administrator Guide": the master configuration names the others
		master, err := p.get(ctx, server+p.MAC+".cfg")
		if err != nil {
			return Account{}, err
		}
		values, err := readXML(master)
		if err != nil {
			return Account{}, err
		}
		return p.xml(ctx, server+values["CONFIG_FILES"], Account{Number: "reg.1.address", Login: "reg.1.auth.userId", Password: "reg.1.auth.password", Domain: "reg.1.server.1.address"},
			map[string]string{"reg.1.server.1.transport": "TLS", "reg.1.srtp.require": "1"})
	case "grandstream": // "SIP Device Provisioning Guide": the binary file, then XML
		if _, err := p.get(ctx, server+"cfg"+p.MAC); err != nil && !errors.Is(err, errNotThere) {
			return Account{}, err
		}
		return p.xml(ctx, server+"cfg"+p.MAC+".xml", Account{Number: "P35", Login: "P36", Password: "P34", Domain: "P47"}, map[string]string{"P130": "2", "P183": "2"})
	case "cisco": // "Provisioning Guide": the file of the model says where its own is
		first, err := p.get(ctx, server+"8851-3PCC.xml")
		if err != nil {
			return Account{}, err
		}
		values, err := readXML(first)
		if err != nil {
			return Account{}, err
		}
		return p.xml(ctx, strings.ReplaceAll(values["Profile_Rule"], "$MA", p.MAC), Account{Number: "User_ID_1_", Login: "Auth_ID_1_", Password: "Password_1_", Domain: "Proxy_1_"},
			map[string]string{"SIP_Transport_1_": "TLS", "Secure_Call_Option_1_": "Required"})
	}
	return Account{}, ErrFiles
}

var errNotThere = errors.New("unbox: no such file")

func (p *Phone) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	agent := agents[p.Vendor]
	if strings.Contains(agent, "%s") {
		agent = fmt.Sprintf(agent, p.MAC)
	}
	req.Header.Set("User-Agent", agent)
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 120<<10))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusNotFound:
		return nil, errNotThere
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("unbox: %d", resp.StatusCode)
	}
	return body, nil
}

// lines reads names and values, one to a line, in quotation marks or not.
func (p *Phone) lines(ctx context.Context, url, between string, names Account, secure map[string]string) (Account, error) {
	file, err := p.get(ctx, url)
	if err != nil {
		return Account{}, err
	}
	values := map[string]string{}
	for text := range strings.Lines(string(file)) {
		if name, value, ok := strings.Cut(strings.TrimRight(text, "\r\n"), between); ok && !strings.HasPrefix(text, "#") {
			values[name] = strings.Trim(value, `"`)
		}
	}
	return account(values, names, secure)
}

func (p *Phone) xml(ctx context.Context, url string, names Account, secure map[string]string) (Account, error) {
	file, err := p.get(ctx, url)
	if err != nil {
		return Account{}, err
	}
	values, err := readXML(file)
	if err != nil {
		return Account{}, err
	}
	return account(values, names, secure)
}

// readXML gives attributes and elements by their names.
func readXML(file []byte) (map[string]string, error) {
	values, d, name := map[string]string{}, xml.NewDecoder(bytes.NewReader(file)), ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return nil, err
		}
		switch x := token.(type) {
		case xml.StartElement:
			name = x.Name.Local
			for _, a := range x.Attr {
				values[a.Name.Local] = a.Value
			}
		case xml.CharData:
			if s := strings.TrimSpace(string(x)); s != "" {
				values[name] = s
			}
		}
	}
}

func account(values map[string]string, names Account, secure map[string]string) (Account, error) {
	a := Account{Number: values[names.Number], Login: values[names.Login], Password: values[names.Password], Domain: values[names.Domain], Server: values[names.Server], Secure: true}
	for name, want := range secure {
		a.Secure = a.Secure && values[name] == want
	}
	if a.Number == "" || a.Login == "" || a.Password == "" || a.Domain == "" {
		return a, ErrFiles
	}
	return a, nil
}

var challenge = regexp.MustCompile(`nonce="([^"]+)", algorithm=SHA-256`)

// Register registers by TLS (RFC 3261 section 10, RFC 7616) and leaves the connection open, on which it is reached.
func (p *Phone) Register(ctx context.Context, a Account, at string) (net.Conn, error) {
	c, err := (&tls.Dialer{Config: p.TLS}).DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	if err := p.register(ctx, c, a); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (p *Phone) register(ctx context.Context, c net.Conn, a Account) error {
	if until, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(until); err != nil {
			return err
		}
	}
	p.in = textproto.NewReader(bufio.NewReader(c))
	in, id, credentials := p.in, rand.Text(), ""
	for n := 1; n <= 2; n++ {
		_, err := fmt.Fprintf(c, "REGISTER sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK%[2]s\r\nMax-Forwards: 70\r\nFrom: <sip:%[3]s@%[1]s>;tag=%[4]s\r\nTo: <sip:%[3]s@%[1]s>\r\n"+
			"Call-ID: %[4]s\r\nCSeq: %[5]d REGISTER\r\nContact: <sip:%[3]s@127.0.0.1:9;transport=tls>\r\nExpires: 3600\r\nUser-Agent: %[6]s\r\n%[7]sContent-Length: 0\r\n\r\n",
			a.Domain, rand.Text(), a.Number, id, n, strings.TrimSpace(p.Vendor+" "+p.Version), credentials)
		if err != nil {
			return err
		}
		status, err := in.ReadLine()
		if err != nil {
			return err
		}
		head, err := in.ReadMIMEHeader()
		switch {
		case err != nil:
			return err
		case strings.Contains(status, " 200 "):
			return nil
		case !strings.Contains(status, " 401 "):
			return fmt.Errorf("unbox: %s", status)
		}
		m := challenge.FindStringSubmatch(strings.Join(head.Values("Www-Authenticate"), "\n"))
		if m == nil {
			return errors.New("unbox: no challenge with SHA-256")
		}
		credentials = a.answer(m[1])
	}
	return errors.New("unbox: the password is refused")
}

// answer is digest with SHA-256 and qop=auth, written apart from the switch's own.
func (a Account) answer(nonce string) string {
	h := func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	uri := "sip:" + a.Domain
	response := h(h(a.Login+":"+a.Domain+":"+a.Password) + ":" + nonce + ":00000001:c0ffee:auth:" + h("REGISTER:"+uri))
	return fmt.Sprintf("Authorization: Digest username=%q, realm=%q, nonce=%q, uri=%q, response=%q, algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"c0ffee\"\r\n", a.Login, a.Domain, nonce, uri, response)
}
