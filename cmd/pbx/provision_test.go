package main

import (
	"encoding/json"
	goflag "flag"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/sip/siptest"
)

// provisioned are the people of TestProvisioning: 2,500 are what the office has, 5,000 what a search is measured among.
var provisioned = goflag.Int("people", 20, "users that TestProvisioning makes over HTTP")

// identityService is a SCIM client of a lab.
type identityService struct {
	l     *lab
	token string
}

// identityService makes a client and rules by which staff get a number.
func (l *lab) identityService() identityService {
	l.t.Helper()
	s := identityService{l, secret.Generate().Reveal()}
	l.put(provisioning.Provisioner{Name: "entra"}, provisioning.LifecycleRules{Rules: []provisioning.LifecycleRule{
		{Name: "all", Roles: []provisioning.Role{provisioning.RoleStaff}, Numbers: &provisioning.NumberRule{From: "30000", To: "39999"}}}})
	err := (liveStore{l.p.store, l.p.directory, l.p.log}).Update(l.t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.PutSecret(l.p.config.Domain, provisioning.SecretProvisioner, "entra", provisioning.ProvisionerProof(s.token))
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// do sends one request, and gives the answer's body where it has the status. When it is told that it asks too often it waits, as real ones do.
func (s identityService) do(status int, method, path, body string) map[string]any {
	s.l.t.Helper()
	for {
		got, text := s.once(method, path, body)
		if got == http.StatusTooManyRequests && status != got {
			wait := time.NewTimer(time.Second)
			<-wait.C
			continue
		}
		if got != status {
			s.l.t.Fatalf("%s %s: %d %.300s, want %d", method, path, got, text, status)
		}
		var out map[string]any
		_ = json.Unmarshal(text, &out) // some have none
		return out
	}
}

func (s identityService) once(method, path, body string) (status int, text []byte) {
	s.l.t.Helper()
	r, err := http.NewRequestWithContext(s.l.t.Context(), method, "http://"+s.l.p.http.addr.String()+"/scim/v2/"+s.l.p.config.Domain+path, strings.NewReader(body))
	if err != nil {
		s.l.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/scim+json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.l.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if text, err = io.ReadAll(io.LimitReader(answer.Body, 16<<20)); err != nil {
		s.l.t.Fatal(err)
	}
	return answer.StatusCode, text
}

// TestLeaverIsOut: who is made inactive by SCIM has no registration any more when that is answered, and does not get one: 403. Who comes back does.
func TestLeaverIsOut(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	s := l.identityService()
	made := s.do(201, http.MethodPost, "/Users", `{"userName":"taro","displayName":"山田"}`)
	id, _ := made["id"].(string)
	number, _ := made["urn:ietf:params:scim:schemas:extension:naisen:2.0:User"].(map[string]any)["extension"].(string)
	plain, cred := secret.NewSIPSecret(number, l.p.config.Domain)
	err := (liveStore{l.p.store, l.p.directory, l.p.log}).Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.PutSecret(l.p.config.Domain, provisioning.SecretSIP, number, cred.Encode())
	})
	if err != nil {
		t.Fatal(err)
	}
	phone := siptest.NewPhone(t, number, l.socket(netip.MustParseAddr("127.0.0.1")), l.at("udp"))
	phone.Domain, phone.Auth = l.p.config.Domain, siptest.Digest(number, plain.Reveal())
	if got := registering(phone); got != 200 {
		t.Fatalf("joined: REGISTER %d", got)
	}
	await(t, l.p.registrar, "joined", number)
	s.do(200, http.MethodPatch, "/Users"+"/"+id, `{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`)
	await(t, l.p.registrar, "out")
	if got := registering(phone); got != 403 {
		t.Errorf("out: REGISTER %d, want 403", got)
	}
	s.do(200, http.MethodPatch, "/Users"+"/"+id, `{"Operations":[{"op":"Replace","path":"active","value":"True"}]}`)
	if got := registering(phone); got != 200 {
		t.Errorf("back: REGISTER %d", got)
	}
	s.do(204, http.MethodDelete, "/Users"+"/"+id, "")
	await(t, l.p.registrar, "deleted")
	if got := registering(phone); got == 200 {
		t.Error("deleted, and registers still")
	}
}

// TestProvisioning makes people as an identity service does, who are looked for before each, and looks for some among them.
func TestProvisioning(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	s := l.identityService()
	begin := time.Now()
	for i := range *provisioned {
		name := fmt.Sprintf("user%05d@example.jp", i)
		if found := s.do(200, http.MethodGet, "/Users?filter="+url.QueryEscape(`userName eq "`+name+`"`), ""); found["totalResults"] != 0.0 {
			t.Fatalf("%s is there: %v", name, found)
		}
		s.do(201, http.MethodPost, "/Users", `{"userName":"`+name+`","externalId":"x`+fmt.Sprint(i)+`","displayName":"職員 `+fmt.Sprint(i)+`","active":true,"emails":[{"value":"`+name+
			`","type":"work","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"課`+fmt.Sprint(i%40)+`","employeeNumber":"`+fmt.Sprint(i)+`"}}`)
	}
	t.Logf("%d people in %v", *provisioned, time.Since(begin).Round(time.Millisecond))
	for _, c := range []struct {
		filter string
		want   int
	}{{`externalId eq "x7"`, 1}, {`emails[type eq "work" and value co "user00007"]`, 1}, {`displayName co "職員" and active eq true`, *provisioned}, {`userName eq "USER00007@example.jp"`, 1}} {
		begin := time.Now()
		found := s.do(200, http.MethodGet, "/Users?filter="+url.QueryEscape(c.filter), "")
		t.Logf("%s among %d: %v", c.filter, *provisioned, time.Since(begin).Round(10*time.Microsecond))
		if found["totalResults"] != float64(c.want) {
			t.Errorf("%s: %v, want %d", c.filter, found["totalResults"], c.want)
		}
	}
	domain := l.p.config.Domain
	if e, ok := l.p.directory.Snapshot().Extension(domain, "30000"); !ok || e.User != "user00000@example.jp" {
		t.Errorf("the first number: %+v", e)
	}
	if _, ok := l.p.directory.Snapshot().Credential(domain, fmt.Sprint(30000+*provisioned-1)); !ok {
		t.Error("the last one has no password")
	}
}
