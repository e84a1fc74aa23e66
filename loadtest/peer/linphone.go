package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"naisen/media/mediatest"
)

// Linphone is a second make of phone, with another SIP and another RTP stack than baresip's, on its console program.
type Linphone struct {
	*Process
	dir string
}

// linphoneConfig has UDP only, on loopback, and no network watcher that would wait for a default route.
const linphoneConfig = `[sip]
sip_port=%d
sip_tcp_port=-2
sip_tls_port=-2
use_ipv6=0
bind_address=127.0.0.1
default_proxy=0
auto_net_state_mon=0
register_only_when_network_is_up=0
[rtp]
audio_rtp_port=%d-%d
[proxy_0]
reg_proxy=<sip:%s;transport=udp>
reg_route=<sip:%s;transport=udp>
reg_identity=sip:%s@%s
reg_expires=300
reg_sendregister=1
publish=0
dial_escape_plus=0
[auth_info_0]
username=%s
userid=%s
passwd=%s
realm=%s
domain=%s
`

// StartLinphone starts a phone in dir, which must be empty; it registers over UDP. Of p it takes User, Domain, Password, Proxy, Hz, Watch, Suites and ICE.
func StartLinphone(dir string, p Phone) (*Linphone, error) {
	rc, err := p.linphone(dir)
	if err != nil {
		return nil, err
	}
	l := &Linphone{dir: dir}
	if l.Process, err = Start(dir, "env", "HOME="+dir, "linphonec", "-c", rc, "-d", "4", "-l", filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	return l, l.Say("soundcard use files")
}

// linphone writes what a telephone of that make needs into dir: its settings, whose path is returned, its home, and its voice.
func (p Phone) linphone(dir string) (rc string, err error) {
	port, err := FreePort("127.0.0.1")
	if err != nil {
		return "", err
	}
	rtp, lastRTP, err := rtpPorts("127.0.0.1")
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf(linphoneConfig, port, rtp, lastRTP, p.Proxy, p.Proxy, p.User, p.Domain, p.User, p.User, p.Password, p.Domain, p.Domain)
	if p.Suites != "" {
		text = strings.Replace(text, "[rtp]\n", "media_encryption=srtp\nmedia_encryption_mandatory=1\nsrtp_crypto_suites="+p.Suites+"\n[rtp]\n", 1)
	}
	if p.ICE { // without a STUN server it names its own addresses
		text += "[nat_policy_0]\nref=ice\nprotocols=ice\n[net]\nnat_policy_ref=ice\n"
		text = strings.Replace(text, "[proxy_0]\n", "[proxy_0]\nnat_policy_ref=ice\n", 1)
	}
	for i, user := range p.Watch {
		text += fmt.Sprintf("[friend_%d]\nurl=\"%s\" <sip:%s@%s>\npol=accept\nsubscribe=1\n", i, user, user, p.Domain)
	}
	rc = filepath.Join(dir, "linphonerc")
	if err := os.WriteFile(rc, []byte(text), 0o600); err != nil {
		return "", err
	}
	for _, home := range []string{".local/share/linphone", ".config/linphone"} {
		if err := os.MkdirAll(filepath.Join(dir, home), 0o700); err != nil {
			return "", err
		}
	}
	return rc, WriteWAV(filepath.Join(dir, "tone.wav"), mediatest.Sine(8000, p.Hz, 10000, 60_000), 8000)
}

// Log is what the phone wrote about itself, its SIP messages included.
func (l *Linphone) Log() string {
	raw, err := os.ReadFile(filepath.Join(l.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// Saw waits until it printed text.
func (l *Linphone) Saw(text string, d time.Duration) error {
	return Until(d, func() bool { return strings.Contains(l.Output(), text) })
}

// Talk makes a phone in a call say its tone and write down what it hears.
func (l *Linphone) Talk() error {
	if err := l.Say("play " + filepath.Join(l.dir, "tone.wav")); err != nil {
		return err
	}
	return l.Say("record " + filepath.Join(l.dir, "ear.wav"))
}

// Heard is what it heard since Talk, once its call has ended.
func (l *Linphone) Heard() ([]int16, error) {
	raw, err := os.ReadFile(filepath.Join(l.dir, "ear.wav"))
	return samples(raw), err
}
