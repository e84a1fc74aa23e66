package peer

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"naisen/media/mediatest"
)

// Baresip is a real phone whose microphone is a tone and whose ear is a file.
type Baresip struct {
	*Process
	SIP     string // host:port where it takes calls
	dir     string
	control string
}

// Phone says how a Baresip is set up.
type Phone struct {
	User, Domain, Password string
	Proxy                  string // host:port of the switch
	Transport              string // "udp", "tcp", "tls"
	Hz                     float64
	SRTP                   bool // mandatory SDES
	DTLS                   bool // mandatory DTLS-SRTP instead
	Register               bool
	Q                      string // of its contact, such as 0.5; empty: it says none
	Answer                 bool   // at once
	Address                string // 127.0.0.1 when empty
	Codecs                 string // "PCMU,PCMA" when empty

	Env []string // "NAME=value", beside the environment that it has

	ICE    bool   // Linphone: it offers ICE
	Suites string // Linphone: it offers these SRTP suites and nothing else, "A, B"; empty: plain RTP

	Mailbox bool     // it subscribes to its messages
	Watch   []string // users of its domain whose presence it subscribes to
	Publish bool     // and its own that it publishes
}

const baresipConfig = `poll_method epoll
sip_listen %s:%d
sip_verify_server no
audio_source aufile,%s/tone.wav
audio_level no
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
module_path /usr/lib/baresip/modules
module sndfile.so
snd_path %s
module g711.so
module aufile.so
module srtp.so
module dtls_srtp.so
module account.so
module menu.so
module ctrl_tcp.so
ctrl_tcp_listen %s
rtp_ports %d-%d
statmode_default off
net_interface %s
`

// StartBaresip starts a phone in dir, which must be empty.
func StartBaresip(dir string, p Phone) (*Baresip, error) {
	if p.Address == "" {
		p.Address = "127.0.0.1"
	}
	sip, err1 := FreePort(p.Address) // its next one is for TLS
	ctl, err2 := FreePort("127.0.0.1")
	rtp, lastRTP, err3 := rtpPorts(p.Address)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	b := &Baresip{SIP: net.JoinHostPort(p.Address, strconv.Itoa(sip)), dir: dir, control: fmt.Sprintf("127.0.0.1:%d", ctl)}
	account := fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_pass=%s;outbound=\"sip:%s;transport=%s\"", p.User, p.Domain, p.Transport, p.Password, p.Proxy, p.Transport)
	switch {
	case p.DTLS:
		account += ";mediaenc=dtls_srtp"
	case p.SRTP:
		account += ";mediaenc=srtp-mand"
	}
	if p.Answer {
		account += ";answermode=auto"
	}
	if p.Codecs != "" {
		account += ";audio_codecs=" + p.Codecs
	}
	if p.Q != "" {
		account += ";regq=" + p.Q
	}
	modules, contacts := p.watching(&account)
	interval := 0
	if p.Register {
		interval = 300
	}
	account += fmt.Sprintf(";regint=%d\n", interval)
	for name, text := range map[string]string{"config": p.speaking() + fmt.Sprintf(baresipConfig, p.Address, sip, dir, dir, b.control, rtp, lastRTP, p.Address) + modules,
		"accounts": account, "contacts": contacts} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	if err := WriteWAV(filepath.Join(dir, "tone.wav"), mediatest.Sine(8000, p.Hz, 10000, 180_000), 8000); err != nil {
		return nil, err
	}
	var err error
	if b.Process, err = Start(dir, "env", append(slices.Clone(p.Env), "baresip", "-f", dir)...); err != nil {
		return nil, err
	}
	want := "baresip is ready"
	if p.Register {
		want = "200 OK"
	}
	if err := b.Saw(want, 15*time.Second); err != nil {
		b.Stop()
		return nil, fmt.Errorf("%w: %q from baresip %s:\n%s", err, want, p.User, b.Output())
	}
	return b, nil
}

// speaking is what codecs beyond G.711 need: their modules, before the account that names them, and that tone and file stay at 8 kHz, which baresip resamples.
func (p Phone) speaking() (modules string) {
	for name, module := range map[string]string{"G722": "g722.so", "opus": "opus.so"} {
		if strings.Contains(p.Codecs, name) {
			modules += "module " + module + "\n"
		}
	}
	if modules != "" {
		modules += "ausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\n"
	}
	return modules
}

// watching says what the phone subscribes to and publishes: the modules that do it, its contacts, and parameters of its account.
func (p Phone) watching(account *string) (modules, contacts string) {
	mwi := "no"
	if p.Mailbox {
		mwi = "yes"
		modules += "module_app mwi.so\n"
	}
	*account += ";mwi=" + mwi
	if len(p.Watch) > 0 || p.Publish {
		modules += "module_app contact.so\nmodule_app presence.so\n"
	}
	for _, user := range p.Watch {
		contacts += fmt.Sprintf("\"%s\" <sip:%s@%s>;presence=p2p\n", user, user, p.Domain)
	}
	if p.Publish {
		*account += ";pubint=600"
	}
	return modules, contacts
}

// Saw waits until baresip printed text.
func (b *Baresip) Saw(text string, d time.Duration) error {
	return Until(d, func() bool { return strings.Contains(b.Output(), text) })
}

// Command sends a command as its keyboard would: "dial 2002", "hangup", "hold", "resume".
func (b *Baresip) Command(command, params string) error {
	_, err := b.Ask(command, params)
	return err
}

// Ask is Command with what baresip answers to it, as it stands on the wire; some commands answer by an event only.
func (b *Baresip) Ask(command, params string) (string, error) {
	c, err := net.DialTimeout("tcp", b.control, 3*time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	body, err := json.Marshal(map[string]string{"command": command, "params": params, "token": "t"})
	if err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(c, "%d:%s,", len(body), body); err != nil {
		return "", err
	}
	if err := c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return "", err
	}
	buf := make([]byte, 4096)
	text := ""
	for !strings.Contains(text, `"response":true`) || !strings.HasSuffix(text, "},") {
		n, err := c.Read(buf)
		if err != nil {
			return text, nil
		}
		text += string(buf[:n])
	}
	return text, nil
}

// HeardAt is Heard of the phone's one call, with the rate that its codec has, Hz.
func (b *Baresip) HeardAt() (pcm []int16, rate int, err error) {
	files, err := filepath.Glob(filepath.Join(b.dir, "dump-*-dec.wav"))
	if err != nil || len(files) != 1 {
		return nil, 0, fmt.Errorf("peer: %d files of what was heard: %w", len(files), err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil || len(raw) < 44 {
		return nil, 0, fmt.Errorf("peer: nothing was heard: %w", err)
	}
	return left(samples(raw), int(binary.LittleEndian.Uint16(raw[22:]))), int(binary.LittleEndian.Uint32(raw[24:])), nil
}

// left is the first of the channels that alternate.
func left(all []int16, channels int) []int16 {
	out := all[:0]
	for i := 0; i < len(all); i += max(channels, 1) {
		out = append(out, all[i])
	}
	return out
}

// Heard is what came out of the phone's speaker in its calls so far, in order; call it after the phone's call has ended.
func (b *Baresip) Heard() ([]int16, error) {
	files, err := filepath.Glob(filepath.Join(b.dir, "dump-*-dec.wav"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var all []int16
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		all = append(all, samples(raw)...)
	}
	return all, nil
}

// samples of a 16-bit WAV. Its header may be unfinished while the file grows.
func samples(raw []byte) []int16 {
	i := strings.Index(string(raw[:min(len(raw), 4096)]), "data")
	if i < 0 || len(raw) < i+8 {
		return nil
	}
	raw = raw[i+8:]
	out := make([]int16, len(raw)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return out
}

// WriteWAV writes 16-bit mono PCM.
func WriteWAV(path string, pcm []int16, rate int) error {
	b := make([]byte, 44, 44+2*len(pcm))
	copy(b, "RIFF....WAVEfmt ")
	binary.LittleEndian.PutUint32(b[4:], uint32(36+2*len(pcm)))
	binary.LittleEndian.PutUint32(b[16:], 16)
	binary.LittleEndian.PutUint16(b[20:], 1)
	binary.LittleEndian.PutUint16(b[22:], 1)
	binary.LittleEndian.PutUint32(b[24:], uint32(rate))
	binary.LittleEndian.PutUint32(b[28:], uint32(2*rate))
	binary.LittleEndian.PutUint16(b[32:], 2)
	binary.LittleEndian.PutUint16(b[34:], 16)
	copy(b[36:], "data")
	binary.LittleEndian.PutUint32(b[40:], uint32(2*len(pcm)))
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return os.WriteFile(path, b, 0o600)
}
