package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/rs"
	"naisen/media"
	"naisen/media/codec/g711"
	"naisen/media/mediatest"
	"naisen/media/rtp"
	"naisen/media/sdp"
	"naisen/provisioning"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/sip/multipart"
	"naisen/sip/siprec"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// toned is a telephone's media: a tone, sent to where the switch says.
type toned struct {
	conn *net.UDPConn
	hz   float64
	to   netip.AddrPort
}

func newToned(l *lab, addr netip.Addr, hz float64) *toned {
	v := &toned{conn: l.socket(addr), hz: hz}
	l.t.Cleanup(func() { _ = v.conn.Close() })
	return v
}

// description of the telephone's media.
func (v *toned) description() []byte {
	at := v.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return []byte(strings.Replace(string(offer(at.Addr())), " 40000 ", " "+strconv.Itoa(int(at.Port()))+" ", 1))
}

// answered takes where the switch wants to hear it.
func (v *toned) answered(t *testing.T, d []byte) {
	t.Helper()
	s := sdp.New(sdp.Config{Addr: netip.MustParseAddr("127.0.0.1"), Port: 9, SessionID: 1})
	_, a, err := s.Answer(d, media.Want{})
	if err != nil {
		t.Fatalf("%v\n%s", err, d)
	}
	v.to = a.Remote
}

// speak sends so many frames of 20 ms from each, at the pace of speech.
func speak(t *testing.T, frames int, voices ...*toned) {
	t.Helper()
	tones := make([][]byte, len(voices))
	for i, v := range voices {
		tones[i] = g711.EncodeU(nil, mediatest.Sine(8000, v.hz, 8000, frames*20))
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := range frames {
		for i, v := range voices {
			h := rtp.Header{Sequence: uint16(n), Timestamp: uint32(n * 160), SSRC: uint32(i + 1)}
			if _, err := v.conn.WriteToUDPAddrPort(h.Append(nil, tones[i][n*160:(n+1)*160]), v.to); err != nil {
				t.Fatal(err)
			}
		}
		<-tick.C
	}
}

// stored waits for the one recording of a switch's domain and gives its two channels and its manifest.
func (l *lab) stored() (left, right []int16, m recorder.Manifest) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 30*time.Second)
	defer cancel()
	v, domain := l.p.vault, l.p.config.Domain
	if err := v.pipeline.Settle(ctx); err != nil {
		l.t.Fatal(err)
	}
	rows, err := v.catalogue.List(ctx, catalogue.Query{Domain: domain, Limit: 10})
	if err != nil || len(rows) != 1 || rows[0].State != recorder.Stored {
		l.t.Fatalf("%v: %+v", err, rows)
	}
	if m, err = catalogue.ReadManifest(ctx, v.store, v.sealer, domain, catalogue.ManifestName(rows[0].Object)); err != nil {
		l.t.Fatal(err)
	}
	sealed, err := v.store.Get(ctx, rows[0].Object, 0, -1)
	if err != nil {
		l.t.Fatal(err)
	}
	defer sealed.Close()
	plain, err := v.sealer.Open(ctx, domain, sealed)
	if err != nil {
		l.t.Fatal(err)
	}
	wav, err := io.ReadAll(plain)
	if err != nil || len(wav) < 44 {
		l.t.Fatalf("%v: %d bytes", err, len(wav))
	}
	for b := wav[44:]; len(b) >= 4; b = b[4:] {
		left, right = append(left, int16(binary.LittleEndian.Uint16(b))), append(right, int16(binary.LittleEndian.Uint16(b[2:])))
	}
	return left, right, m
}

// certificate of a switch, as its peers are given it.
func (l *lab) certificate() string {
	l.t.Helper()
	b, err := os.ReadFile(l.p.certificates.cert)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

// twoSwitches are a switch whose calls are copied, and one that records them: TLS both ways, known by certificate alone, SRTP.
func twoSwitches(t *testing.T) (src, srs *lab) {
	t.Helper()
	srs = newLab(t, func(c *Config) {
		c.Domain = "recorder.example.jp"
		c.SIP.Listen = []string{"tls:127.0.0.2:0"}
	})
	src = newLab(t, func(c *Config) { c.Domain = "ward.example.jp" })
	yes := true
	srs.put(provisioning.RecordingPolicy{Name: "taken", Record: provisioning.RecordAlways, RetentionDays: 90},
		provisioning.Trunk{Name: "ward", Role: provisioning.RoleSIPREC, RecordPolicy: "taken", Host: src.at("tls").String(), Transport: "tls", Media: "srtp-required",
			TLSPeers: []string{"ward.example.jp"}, TLSTrust: src.certificate(), OptionsSeconds: -1})
	away := provisioning.Trunk{Name: "dead", Role: provisioning.RoleSIPREC, Host: "127.0.0.2:9", Transport: "tls", Media: "srtp-required", TLSTrust: srs.certificate(), OptionsSeconds: -1}
	there := away
	there.Name, there.Host, there.TLSName, there.TLSClient = "vault", srs.at("tls").String(), "recorder.example.jp", &yes
	src.put(away, there, provisioning.RecordingPolicy{Name: "both", Record: provisioning.RecordAlways, Notice: "none", Exception: &provisioning.NoticeException{Reason: "test", Until: time.Now().Add(time.Hour)}, Outside: []string{"dead", "vault"}})
	caller, _ := src.p.directory.Snapshot().Extension("ward.example.jp", "2001")
	caller.Record = "both"
	src.put(caller)
	return src, srs
}

// One switch copies a call to another, which keeps it in its own vault: both parties are heard there, each on its own side, and named. The first recorder
// that the policy names is dead.
func TestRecordingSessionBetweenSwitches(t *testing.T) {
	t.Parallel()
	src, srs := twoSwitches(t)
	here := netip.MustParseAddr("127.0.0.1")
	a, b := src.phone("2001", here), src.phone("2002", here)
	b.Register(60)
	va, vb := newToned(src, here, 700), newToned(src, here, 1100)
	inv := callTo(a, "2002")
	inv.SetBody("application/sdp", va.description())
	inv = src.authorised(a, inv)
	in := b.Expect("INVITE")
	vb.answered(t, in.Body)
	b.Reply(in, 200, func(r *stack.Response) { r.SetBody("application/sdp", vb.description()) })
	b.Expect("ACK")
	resp := a.ExpectStatus(200, "INVITE")
	a.Ack(inv, resp)
	va.answered(t, resp.Body)
	waitUntil(t, "the other switch records", func() bool {
		return srs.p.siprec.server.Stats().Sessions == 1 && src.p.siprec.client.Stats().Sessions == 1
	})
	speak(t, 120, va, vb)
	a.Send(a.InDialog("BYE", inv, resp))
	b.Reply(b.Expect("BYE"), 200, nil)
	a.ExpectStatus(200, "BYE")
	waitUntil(t, "the sessions end", func() bool { return srs.p.siprec.server.Stats().Live == 0 && src.p.siprec.client.Stats().Live == 0 })
	for name, l := range map[string]*lab{"here": src, "there": srs} {
		left, right, m := l.stored()
		if len(left) < 2*8000 {
			t.Fatalf("%s: %d samples", name, len(left))
		}
		for side, pcm := range [][]int16{left, right} {
			own, other := []float64{700, 1100}[side], []float64{1100, 700}[side]
			if x, y := mediatest.Amplitude(pcm, 8000, own), mediatest.Amplitude(pcm, 8000, other); x < 3000 || y > 100 {
				t.Errorf("%s, side %d: %.0f of its own, %.0f of the other", name, side, x, y)
			}
		}
		if len(m.Parties) != 2 || m.Parties[0].Number != "2001" || m.Parties[1].Number != "2002" || m.Lost > 0 || m.Dropped > 0 {
			t.Errorf("%s: %+v", name, m)
		}
		if there := m.Source; (there != nil) != (l == srs) || there != nil && (there.Peer != "ward" || len(there.Session) != 24) {
			t.Errorf("%s: source %+v", name, there)
		}
	}
	if s := src.p.siprec.client.Stats(); s.Refused != 1 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
	var alarmed []string
	for _, al := range src.p.alarms.Alarms("ward.example.jp") {
		alarmed = append(alarmed, al.Name+" "+al.Object)
	}
	if !slices.Contains(alarmed, "outside-recorder dead") {
		t.Errorf("alarms %q", alarmed)
	}
}

// waitUntil polls for what other goroutines do.
func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatal("never: " + what)
		case <-tick.C:
		}
	}
}

// Only a trunk of that role may send recordings, only what its rule takes, and it brings no calls.
func TestWhoMaySendRecordings(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	sbc, carrier, bare, stranger := netip.MustParseAddr("127.0.0.11"), netip.MustParseAddr("127.0.0.12"), netip.MustParseAddr("127.0.0.13"), netip.MustParseAddr("127.0.0.14")
	trunk := func(name string, at netip.Addr, role, policy string) provisioning.Trunk {
		return provisioning.Trunk{Name: name, Role: role, RecordPolicy: policy, Host: at.String(), Transport: "udp", Sources: []string{at.String() + "/32"}, OptionsSeconds: -1, MaxCalls: 0}
	}
	l.put(provisioning.RecordingPolicy{Name: "taken", Record: provisioning.RecordAlways, RetentionDays: 90},
		provisioning.RecordingPolicy{Name: "own", Record: provisioning.RecordAlways, RetentionDays: 7}, // its case, kept as the trunk's demands
		trunk("sbc", sbc, provisioning.RoleSIPREC, "taken"), trunk("carrier", carrier, "", ""), trunk("bare", bare, provisioning.RoleSIPREC, ""))
	did := provisioning.DID{Number: "+81355550001", To: []string{"2001"}, Policy: "own"}
	l.put(did)
	phones := 0
	phone := func(from netip.Addr) *siptest.Phone {
		phones++
		return siptest.NewPhone(t, fmt.Sprint("sbc", phones), l.socket(from), l.at("udp"))
	}
	session := func(from netip.Addr, document string) (*siptest.Phone, *stack.Request) {
		p := phone(from)
		r := p.NewRequest("INVITE", "record")
		r.Set("Require", "siprec")
		one := strings.Replace(string(offer(from)), "m=audio", "a=sendonly\r\nm=audio", 1) + "a=label:1\r\n"
		kind, body := multipart.Write(multipart.Part{Type: "application/sdp", Body: []byte(one)},
			multipart.Part{Type: siprec.XML, Disposition: siprec.Disposition, Body: []byte(document)})
		r.SetBody(kind, body)
		p.Send(r)
		return p, r
	}
	told := string(siprec.Metadata{Sessions: []siprec.Session{{ID: "S"}}, Participants: []siprec.Participant{{ID: "A", AOR: "sip:0355550001@sbc.example"}},
		Streams: []siprec.Stream{{ID: "1st", Session: "S", Label: "1"}}, Flows: []siprec.Flow{{Participant: "A", Send: []siprec.ID{"1st"}}}}.Document())
	for _, c := range []struct {
		who      string
		from     netip.Addr
		document string
		status   int
	}{
		{"a carrier", carrier, told, 420}, {"a stranger", stranger, told, 401}, {"a recorder that may send nothing", bare, told, 403},
		{"malformed metadata", sbc, "<recording><session/></recording>", 400},
	} {
		p, r := session(c.from, c.document)
		resp := p.ExpectStatus(c.status, "INVITE")
		p.Ack(r, resp)
		if c.status == 400 && !strings.Contains(resp.Get("Warning"), "object without an id") {
			t.Errorf("%s: %q", c.who, resp.Get("Warning"))
		}
	}
	p := phone(sbc)
	call := callTo(p, "0355550001") // no call comes by it
	p.Send(call)
	p.Ack(call, p.ExpectStatus(401, "INVITE"))
	p, r := session(sbc, told)
	resp := p.ExpectStatus(200, "INVITE")
	p.Ack(r, resp)
	if !strings.HasSuffix(resp.Get("Contact"), ";+sip.srs") || !strings.Contains(string(resp.Body), "a=recvonly") {
		t.Errorf("%+v\n%s", resp, resp.Body)
	}
	waitUntil(t, "recorded", func() bool { return l.p.siprec.server.Stats().Sessions == 1 })
	p.Send(p.InDialog("BYE", r, resp))
	p.ExpectStatus(200, "BYE")
	waitUntil(t, "ended", func() bool { return l.p.siprec.server.Stats().Live == 0 })
	if _, _, m := l.stored(); m.DID != did.Number || m.Policy != "own" || m.RetentionDays != 90 || m.Label != recorder.Restricted || m.Parties[0].Number != "0355550001" || m.Direction != "siprec" {
		t.Errorf("%+v", m)
	}
	if got := l.p.siprec.server.Stats(); got.Malformed != 1 {
		t.Errorf("%+v", got)
	}
	if calls := l.p.calls.Len(); calls != 0 {
		t.Errorf("%d calls", calls)
	}
	l.put(provisioning.RecordingPolicy{Name: "longer", Record: provisioning.RecordAlways, RetentionDays: 400, Label: provisioning.LabelPublic, OnFailure: "refuse"},
		provisioning.DID{Number: "+81355550002", To: []string{"2001"}, Policy: "longer"})
	for _, numbers := range [][]string{{"0355550002", "0355550001"}, {"0399999999", "+81355550002", "0355550001"}} { // the strictest of both, in the name of the first
		want := rs.Rule{Policy: "longer", Number: "+81355550002", Retention: 400, Label: recorder.Restricted, Refuse: true}
		if got := l.p.signalling.recordingRule(rs.Peer{Domain: l.p.config.Domain, Trunk: "sbc"}, numbers); got != want {
			t.Errorf("%q: %+v", numbers, got)
		}
	}
}
