package s3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/recorder/objstore"
)

// cloud is a metadata service, an STS and an S3 server that believe nothing: every request is held against the documents of AWS, and signatures are
// computed anew. What was not right is in faults.
type cloud struct {
	*httptest.Server
	life time.Duration // of credentials

	mu     sync.Mutex
	faults []string
	issued map[string]issue // by access key
	token  string           // that a web identity has now
}

type issue struct {
	secret, session string
	ends            time.Time
}

const (
	cloudRole   = "naisen-recorder"
	cloudARN    = "arn:aws:iam::123456789012:role/recorder"
	cloudAccess = "AKIALONGLIVED"
	cloudSecret = "long-lived-secret"
	imdsToken   = "imds-token"
)

func newCloud(t *testing.T, life time.Duration) *cloud {
	t.Helper()
	c := &cloud{life: life, issued: map[string]issue{}, token: "first.web.token"}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", c.metadataToken)
	mux.HandleFunc("GET /latest/meta-data/iam/security-credentials/{role...}", c.metadata)
	mux.HandleFunc("POST /{$}", c.sts)
	mux.HandleFunc("/recordings/", c.s3)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c.fault(w, "%s %s is nothing of a cloud", r.Method, r.URL)
	})
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

func (c *cloud) fault(w http.ResponseWriter, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
	w.WriteHeader(http.StatusForbidden)
}

// seen is how many credentials were given, and what was not right.
func (c *cloud) seen() (issued int, faults []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.issued), slices.Clone(c.faults)
}

// String is what was not right.
func (c *cloud) String() string {
	_, faults := c.seen()
	return strings.Join(faults, "; ")
}

// issue makes credentials that end.
func (c *cloud) issue() (access string, i issue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	access = fmt.Sprintf("ASIA%04d", len(c.issued)+1)
	i = issue{"secret-of-" + access, "session-of-" + access, time.Now().Add(c.life)}
	c.issued[access] = i
	return access, i
}

func (c *cloud) metadataToken(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-aws-ec2-metadata-token-ttl-seconds") == "" {
		c.fault(w, "a metadata token without a life")
		return
	}
	io.WriteString(w, imdsToken)
}

func (c *cloud) metadata(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-aws-ec2-metadata-token") != imdsToken {
		c.fault(w, "metadata without a token (IMDSv1)")
		return
	}
	switch r.PathValue("role") {
	case "":
		io.WriteString(w, cloudRole)
	case cloudRole:
		access, i := c.issue()
		_ = json.NewEncoder(w).Encode(map[string]any{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": access, "SecretAccessKey": i.secret, "Token": i.session,
			"Expiration": i.ends.UTC().Format(time.RFC3339Nano), "LastUpdated": time.Now().UTC().Format(time.RFC3339)})
	default:
		c.fault(w, "role %q", r.PathValue("role"))
	}
}

func (c *cloud) sts(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	if err := r.ParseForm(); err != nil || r.PostForm.Get("Version") != "2011-06-15" || r.PostForm.Get("RoleArn") != cloudARN || r.PostForm.Get("RoleSessionName") == "" {
		c.fault(w, "STS: %v %v", r.PostForm, err)
		return
	}
	action := r.PostForm.Get("Action")
	switch action {
	case "AssumeRoleWithWebIdentity":
		c.mu.Lock()
		right := r.PostForm.Get("WebIdentityToken") == c.token && r.Header.Get("Authorization") == ""
		c.mu.Unlock()
		if !right {
			c.fault(w, "STS: token %q", r.PostForm.Get("WebIdentityToken"))
			return
		}
	case "AssumeRole":
		if why := signed(r, body, "sts", cloudAccess, cloudSecret); why != "" {
			c.fault(w, "STS: %s", why)
			return
		}
	default:
		c.fault(w, "STS: action %q", action)
		return
	}
	access, i := c.issue()
	fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey>`+
		`<SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`, action, access, i.secret, i.session, i.ends.UTC().Format(time.RFC3339Nano))
}

// s3 knows one object.
func (c *cloud) s3(w http.ResponseWriter, r *http.Request) {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	access, _, _ := strings.Cut(credential, "/")
	c.mu.Lock()
	i, ok := c.issued[access]
	c.mu.Unlock()
	switch {
	case !ok:
		c.fault(w, "S3: access key %q", access)
	case r.Header.Get("X-Amz-Security-Token") != i.session:
		c.fault(w, "S3: session %q of %s", r.Header.Get("X-Amz-Security-Token"), access)
	case time.Now().After(i.ends):
		c.fault(w, "S3: %s has ended", access)
	default:
		if why := signed(r, nil, "s3", access, i.secret); why != "" {
			c.fault(w, "S3: %s", why)
			return
		}
		w.Header().Set("Content-Length", "5")
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		w.Header().Set("ETag", `"x"`)
	}
}

// signed computes AWS Signature Version 4 of a request anew and says what is wrong with it; empty: nothing.
func signed(r *http.Request, body []byte, service, access, secret string) string {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return "no signature"
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[k] = v
	}
	scope := strings.Split(fields["Credential"], "/") // key, day, region, service, aws4_request
	date := r.Header.Get("X-Amz-Date")
	if len(scope) != 5 || scope[0] != access || scope[3] != service || scope[4] != "aws4_request" || !strings.HasPrefix(date, scope[1]) {
		return fmt.Sprintf("scope %q", fields["Credential"])
	}
	names := strings.Split(fields["SignedHeaders"], ";")
	if !slices.Contains(names, "host") || !slices.IsSorted(names) || r.Header.Get("X-Amz-Security-Token") != "" && !slices.Contains(names, "x-amz-security-token") {
		return fmt.Sprintf("signed headers %q", names)
	}
	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n%s\n%s\n", r.Method, r.URL.EscapedPath(), strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20"))
	for _, n := range names {
		v := r.Header.Get(n)
		if n == "host" {
			v = r.Host
		}
		if n == "content-length" {
			v = fmt.Sprint(r.ContentLength)
		}
		fmt.Fprintf(&canonical, "%s:%s\n", n, strings.TrimSpace(v))
	}
	payload := r.Header.Get("X-Amz-Content-Sha256")
	if sum := sha256.Sum256(body); body != nil { // an STS is not told
		payload = hex.EncodeToString(sum[:])
	}
	fmt.Fprintf(&canonical, "\n%s\n%s", strings.Join(names, ";"), payload)
	sum := sha256.Sum256([]byte(canonical.String()))
	sign := func(key []byte, s string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(s))
		return h.Sum(nil)
	}
	key := []byte("AWS4" + secret)
	for _, s := range scope[1:] {
		key = sign(key, s)
	}
	want := hex.EncodeToString(sign(key, fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s\n%x", date, strings.Join(scope[1:], "/"), sum)))
	if fields["Signature"] != want {
		return "another signature"
	}
	return ""
}

func (c *cloud) open(t *testing.T, change func(*Config)) *Store {
	t.Helper()
	cfg := Config{Endpoint: strings.TrimPrefix(c.URL, "http://"), Plain: true, Bucket: "recordings", Region: "ap-northeast-1"}
	change(&cfg)
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Credentials of each kind are had from whom gives them, sign what is asked, and are had anew before they end; nobody is asked twice meanwhile.
func TestIdentities(t *testing.T) {
	for _, k := range []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_REGION"} {
		t.Setenv(k, "")
	}
	token := filepath.Join(t.TempDir(), "token")
	for name, change := range map[string]func(c *cloud, cfg *Config){
		"machine": func(c *cloud, cfg *Config) { cfg.Source = Source{Identity: Machine, Endpoint: c.URL} },
		"web identity": func(c *cloud, cfg *Config) {
			cfg.Source = Source{Identity: WebIdentity, Endpoint: c.URL, Role: cloudARN, TokenFile: token}
		},
		"role": func(c *cloud, cfg *Config) {
			cfg.Source = Source{Identity: Role, Endpoint: c.URL, Role: cloudARN}
			cfg.AccessKey, cfg.SecretKey = cloudAccess, cloudSecret
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(token, []byte("first.web.token\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c := newCloud(t, time.Hour)
			s := c.open(t, func(cfg *Config) { change(c, cfg) })
			for range 3 {
				if _, err := s.Stat(t.Context(), "a.age"); err != nil {
					t.Fatal(err, c)
				}
			}
			if n, _ := c.seen(); n != 1 {
				t.Errorf("asked %d times for credentials that last an hour", n)
			}
			short := newCloud(t, 300*time.Millisecond)
			s = short.open(t, func(cfg *Config) { change(short, cfg) })
			if err := os.WriteFile(token, []byte("second.web.token"), 0o600); err != nil {
				t.Fatal(err)
			}
			short.token = "second.web.token" // nothing was asked yet
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for range 200 {
				if _, err := s.Stat(t.Context(), "a.age"); err != nil {
					t.Fatal(err, short)
				}
				if n, _ := short.seen(); n > 2 {
					break
				}
				<-tick.C
			}
			_, long := c.seen()
			if n, faults := short.seen(); n < 3 || len(long)+len(faults) > 0 {
				t.Errorf("%d credentials, faults %q %q", n, long, faults)
			}
		})
	}
}

// Without credentials there is an error that shows none, and the store is only not there now.
func TestNoCredentials(t *testing.T) {
	c := newCloud(t, time.Hour)
	for name, change := range map[string]func(*Config){
		"wrong secret": func(cfg *Config) {
			cfg.Source = Source{Identity: Role, Endpoint: c.URL, Role: cloudARN}
			cfg.AccessKey, cfg.SecretKey = cloudAccess, "hunter2"
		},
		"no token": func(cfg *Config) {
			cfg.Source = Source{Identity: WebIdentity, Endpoint: c.URL, Role: cloudARN, TokenFile: filepath.Join(t.TempDir(), "none")}
		},
		"nobody there": func(cfg *Config) {
			cfg.Source = Source{Identity: WebIdentity, Endpoint: "http://127.0.0.1:1", Role: cloudARN, TokenFile: "/dev/null"}
		},
	} {
		_, err := c.open(t, change).Stat(t.Context(), "a.age")
		if err == nil || errors.Is(err, objstore.ErrNotFound) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSourceValidate(t *testing.T) {
	for name, c := range map[string]struct {
		source Source
		keys   bool
		ok     bool
	}{
		"keys": {Source{}, true, true}, "no keys": {Source{}, false, false}, "unknown": {Source{Identity: "luck"}, true, false},
		"machine": {Source{Identity: Machine}, false, true}, "machine's link": {Source{Identity: Machine, Endpoint: "http://169.254.169.254"}, false, true},
		"metadata from afar": {Source{Identity: Machine, Endpoint: "http://192.0.2.1"}, false, false},
		"role":               {Source{Identity: Role, Endpoint: "https://sts.example"}, true, true}, "role without keys": {Source{Identity: Role, Endpoint: "https://sts.example"}, false, false},
		"sts in the clear": {Source{Identity: Role, Endpoint: "http://sts.example"}, true, false}, "no sts": {Source{Identity: Role}, true, false},
		"web":                {Source{Identity: WebIdentity, Endpoint: "https://sts.example", TokenFile: "x"}, false, true},
		"web without a file": {Source{Identity: WebIdentity, Endpoint: "https://sts.example"}, false, false},
		"link for an sts":    {Source{Identity: WebIdentity, Endpoint: "http://169.254.1.1", TokenFile: "x"}, false, false},
		"password in it":     {Source{Identity: WebIdentity, Endpoint: "https://a:b@sts.example", TokenFile: "x"}, false, false},
	} {
		cfg := Config{Endpoint: "s3.example", Bucket: "b", Source: c.source}
		if c.keys {
			cfg.AccessKey, cfg.SecretKey = "a", "s"
		}
		if err := cfg.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
