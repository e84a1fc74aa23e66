package phones

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/codec/g711"
	"naisen/media/mediatest"
)

// TestMainJob is the promise of the README: a carrier calls the department's number, hears the notice, a desk phone answers over TLS and
// SRTP, both hear each other, the recording is complete, sealed, and played to whom may hear it.
func TestMainJob(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	carrierHere(t, p)
	first, second := desk(t, p, "2001", deskHz, true), desk(t, p, "2002", deskHz, true)
	c := carrier(t, p)
	must(t, c.Command("dial", "sip:"+did+"@"+p.Domain))
	must(t, peer.Until(30*time.Second, func() bool {
		return strings.Contains(first.Output()+second.Output(), "Call established")
	}))
	planted := planted()
	hold(t, 6*time.Second, func() { nothingReadable(t, p, planted) })
	must(t, c.Command("hangup", ""))
	cdr := history(t, p, 1)[0]
	if cdr.Direction != "inbound" || cdr.To != did || cdr.From != "+819012345678" || cdr.EndedBy != "caller" || cdr.Status != 200 || cdr.Recording == "" {
		t.Errorf("CDR %+v", cdr)
	}
	rec := stored(t, p, cdr.Recording)
	heardByCaller(t, c, rec)
	heardByDesk(t, first, second)
	n := rec.Manifest.Notice
	if n == nil || n.Prompt != "notice/recording" || n.Language != "ja" || n.Mode != "early-media" || !n.Complete || len(n.SHA256) != 64 {
		t.Errorf("notice receipt %+v", n)
	}
	if d := rec.DurationMS - cdr.TalkMS; d < -200 || d > 200 {
		t.Errorf("recording lasts %d ms, the call %d ms", rec.DurationMS, cdr.TalkMS)
	}
	left, right := listen(t, p, rec.ID)
	onlyTone(t, "left channel", left, carrierHz, 5*time.Second)
	onlyTone(t, "right channel", right, deskHz, 5*time.Second)
	nothingReadable(t, p, planted)
	refusals(t, p, rec.ID)
	stockAge(t, p)
	decided(t, p, rec.ID)
	altered(t, p, rec.ID)
	verified(t, p)
}

// planted is what the scan looks for: a stretch of each voice in µ-law and in PCM, at the phases that the phones send.
func planted() map[string][]byte {
	out := map[string][]byte{}
	for name, hz := range map[string]float64{"carrier": carrierHz, "desk": deskHz} {
		pcm := mediatest.Sine(rate, hz, 10000, 1000)
		ulaw := g711.EncodeU(nil, pcm)
		raw := make([]byte, 0, 2*len(pcm))
		for _, s := range pcm {
			raw = append(raw, byte(s), byte(uint16(s)>>8))
		}
		out[name+" as µ-law"] = ulaw[80:112]
		out[name+" as PCM"] = raw[160:224]
	}
	return out
}

// hold lets a call go on for d and looks at the data directory meanwhile.
func hold(t *testing.T, d time.Duration, look func()) {
	t.Helper()
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			look()
		case <-end.C:
			return
		}
	}
}

// heardByCaller: first the notice, which is speech and nobody's tone, then the desk's voice.
func heardByCaller(t *testing.T, c *peer.Baresip, rec recording) {
	t.Helper()
	heard, err := c.Heard()
	must(t, err)
	start, ok := steady(heard, deskHz)
	if !ok {
		t.Fatalf("the caller never heard the desk in %d samples", len(heard))
	}
	if before := time.Duration(start) * time.Second / rate; before < 11*time.Second {
		t.Errorf("the caller heard only %v before the desk: the notice is 12.5 s", before)
	}
	if mediatest.Power(heard[:8*rate]) < 10_000 {
		t.Error("what came before the desk is silence, not the notice")
	}
	onlyTone(t, "caller's ear", heard[start:], deskHz, 5*time.Second)
}

// steady finds the sample where a tone begins to stand alone for half a second: speech has every frequency for a moment.
func steady(pcm []int16, hz float64) (at int, ok bool) {
	for at = 0; at+rate/2 <= len(pcm); at += rate / 50 {
		if mediatest.ToneIn(pcm[at:at+rate/2], rate, hz) > 0.9 {
			return at, true
		}
	}
	return 0, false
}

// heardByDesk: the phone that answered heard the carrier from the first moment; the other one rang only.
func heardByDesk(t *testing.T, phones ...*peer.Baresip) {
	t.Helper()
	talked := 0
	for _, b := range phones {
		b.Stop() // closes its files
		heard, err := b.Heard()
		must(t, err)
		if len(heard) > rate {
			talked++
			onlyTone(t, "desk's ear", heard, carrierHz, 5*time.Second)
		}
	}
	if talked != 1 {
		t.Errorf("%d phones talked", talked)
	}
}

// refusals: nobody without the right learns that the recording exists.
func refusals(t *testing.T, p *peer.PBX, id string) {
	t.Helper()
	clerk := person(t, p, "clerk", "staff")
	for _, c := range []struct {
		token, path string
		want        int
	}{{"", "recordings/" + id + "/audio", 401}, {"nonsense", "recordings/" + id, 401},
		{clerk, "recordings/" + id + "/audio", 404}, {clerk, "recordings/" + id, 404}, {clerk, "recordings/c0000/audio", 404}} {
		status, answer, err := p.DoAs(t.Context(), c.token, "GET", c.path, nil)
		must(t, err)
		if status != c.want || strings.HasPrefix(string(answer), "RIFF") {
			t.Errorf("GET %s: %d, want %d", c.path, status, c.want)
		}
	}
	_, a, err := p.DoAs(t.Context(), clerk, "GET", "recordings/"+id, nil)
	must(t, err)
	_, b, err := p.DoAs(t.Context(), clerk, "GET", "recordings/c0000", nil)
	must(t, err)
	if string(a) != string(b) {
		t.Errorf("a recording that exists is refused otherwise than one that does not:\n%s\n%s", a, b)
	}
}

// person makes a user with one role and returns a token.
func person(t *testing.T, p *peer.PBX, name, role string) string {
	t.Helper()
	token, err := p.Person(t.Context(), name, role)
	must(t, err)
	return token
}

// objects are the sealed files in the embedded object store.
func objects(t *testing.T, p *peer.PBX, suffix string) []string {
	t.Helper()
	var out []string
	must(t, filepath.WalkDir(p.Var("objects"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasSuffix(path, suffix) && !strings.Contains(path, "/.") {
			out = append(out, path)
		}
		return err
	}))
	return out
}

// stockAge: the age tool of its author opens the recording with the domain's identity, which it opens with the vault's, and with the recovery identity,
// and with no other.
func stockAge(t *testing.T, p *peer.PBX) {
	t.Helper()
	dir := t.TempDir()
	age := filepath.Join(dir, "age")
	build := exec.Command("go", "install", "filippo.io/age/cmd/age@v1.3.2")
	build.Env = append(os.Environ(), "GOBIN="+dir)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("age: %v\n%s", err, out)
	}
	text, err := exec.Command(age, "-d", "-i", p.Var("keys", "vault", "vault.agekey"), p.Var("keys", "vault", "domains", p.Domain, "0001.identity.age")).Output()
	must(t, err)
	domain := filepath.Join(dir, "domain.agekey")
	must(t, os.WriteFile(domain, text, 0o600))
	for _, o := range objects(t, p, ".age") {
		for identity, opens := range map[string]bool{domain: true, p.Var("keys", "vault", "recovery.agekey"): true, p.Var("keys", "vault", "vault.agekey"): false,
			p.Var("keys", "vault", "spool.agekey"): false} {
			plain, err := exec.Command(age, "-d", "-i", identity, o).Output()
			if opens != (err == nil) {
				t.Errorf("%s opens %s: %v", identity, filepath.Base(o), err)
			}
			if opens && !strings.HasSuffix(o, ".manifest.age") && !strings.HasPrefix(string(plain), "RIFF") {
				t.Errorf("%s is no WAV inside", filepath.Base(o))
			}
		}
	}
}

// decided: what people write about a recording lies beside it soon, sealed, and the audit log says so.
func decided(t *testing.T, p *peer.PBX, id string) {
	t.Helper()
	status, answer, err := p.DoAs(t.Context(), person(t, p, "writer", "recording-listener"), "POST", "recordings/"+id+"/notes", map[string]string{"text": "call back"})
	must(t, err)
	if status != 201 {
		t.Fatalf("a note: %d %s", status, answer)
	}
	must(t, peer.Until(time.Minute, func() bool {
		n, err := p.Metric(t.Context(), "naisen_remarks_written_total")
		must(t, err)
		return n == 1
	}))
	all := objects(t, p, id+".remarks-0001.age")
	if len(all) != 1 {
		t.Fatalf("%q lie beside %s", all, id)
	}
	sealed, err := os.ReadFile(all[0])
	must(t, err)
	if !strings.HasPrefix(string(sealed), "age-encryption.org/v1\n") || strings.Contains(string(sealed), "call back") {
		t.Errorf("%s is not sealed", all[0])
	}
	var log struct {
		Items []struct {
			Detail map[string]any `json:"detail"`
		} `json:"items"`
	}
	get(t, p, "audit?action=recording.remarks", &log)
	if len(log.Items) != 1 || log.Items[0].Detail["number"] != 1.0 {
		t.Errorf("the audit log: %+v", log)
	}
}

// altered: one flipped bit anywhere in the object is refused before a sample plays.
func altered(t *testing.T, p *peer.PBX, id string) {
	t.Helper()
	for _, o := range objects(t, p, id+".age") {
		raw, err := os.ReadFile(o)
		must(t, err)
		for _, at := range []int{10, len(raw) / 2, len(raw) - 1} {
			bad := append([]byte(nil), raw...)
			bad[at] ^= 1
			must(t, os.Chmod(o, 0o600))
			must(t, os.WriteFile(o, bad, 0o600))
			status, answer, err := p.Listen(t.Context(), "recordings/"+id+"/audio")
			must(t, err)
			if status != 502 || strings.Contains(string(answer), "RIFF") {
				t.Errorf("byte %d flipped: %d, %d bytes served", at, status, len(answer))
			}
		}
		must(t, os.WriteFile(o, raw, 0o600))
	}
}

// verified: the audit log holds every step and proves itself.
func verified(t *testing.T, p *peer.PBX) {
	t.Helper()
	var log struct {
		Items []struct{ Action, Outcome, Subject string }
	}
	get(t, p, "audit?limit=1000", &log)
	seen := map[string]bool{}
	for _, e := range log.Items {
		seen[e.Action+" "+e.Outcome] = true
	}
	for _, want := range []string{"trunk.put ok", "user.put ok", "call.ended ok", "recording.download allowed", "recording.listen denied"} {
		if !seen[want] {
			t.Errorf("not in the audit log: %s; there are %v", want, seen)
		}
	}
	out, err := p.Command(t.Context(), "", "audit", "verify", "--config", filepath.Join(p.Dir, "pbx.yaml"))
	if err != nil || !strings.Contains(out, "entries good") {
		t.Errorf("audit verify: %v %s", err, out)
	}
}
