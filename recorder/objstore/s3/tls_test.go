package s3

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"naisen/recorder/objstore"
)

// trusting names, for a process of its own, a server whose certificate its system trusts: a process reads those once.
const trusting = "NAISEN_TEST_S3_TLS"

func overTLS(t *testing.T, addr string) error {
	t.Helper()
	s, err := Open(Config{Endpoint: addr, Bucket: "recordings", Region: "ap-northeast-1", AccessKey: "a", SecretKey: "s"})
	if err == nil {
		_, err = s.Stat(t.Context(), "a.age")
	}
	return err
}

// TestTLS: a store is reached over TLS unless somebody wants otherwise, and nothing is said to a server whose certificate nobody vouches for.
func TestTLS(t *testing.T) {
	if addr := os.Getenv(trusting); addr != "" {
		if err := overTLS(t, addr); !errors.Is(err, objstore.ErrNotFound) {
			t.Fatal(err)
		}
		return
	}
	var asked atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.TLS == nil || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
			t.Errorf("%s %s without TLS or signature", r.Method, r.URL)
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that the client ends
	srv.StartTLS()
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	var unknown x509.UnknownAuthorityError
	if err := overTLS(t, addr); !errors.As(err, &unknown) || asked.Load() != 0 {
		t.Errorf("a server that nobody vouches for was asked %d times: %v", asked.Load(), err)
	}
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTLS$")
	cmd.Env = append(os.Environ(), trusting+"="+addr, "SSL_CERT_FILE="+roots)
	if out, err := cmd.CombinedOutput(); err != nil || asked.Load() == 0 {
		t.Errorf("one that is trusted was asked %d times: %v\n%s", asked.Load(), err, out)
	}
}
