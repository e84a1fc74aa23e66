package peer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// versitygw is a real S3 server; it is built once for this user, which takes some minutes the first time.
const versitygw = "v1.8.0"

// S3 is an S3 server with one bucket, on files below Root.
type S3 struct {
	*Process
	Addr, Bucket, Access, Secret string
	Root                         string
}

// AbsentS3 is a server to be, on a loopback address that nobody else uses, so that its port stays free, and what a switch's configuration says
// of it. Its files and credentials are below dir.
func AbsentS3(dir string) (s *S3, yaml string, err error) {
	const host = "127.0.0.77"
	port, err := FreePort(host)
	if err != nil {
		return nil, "", err
	}
	s = &S3{Addr: net.JoinHostPort(host, strconv.Itoa(port)), Bucket: "recordings", Access: "test" + rand.Text()[:8], Secret: rand.Text(),
		Root: filepath.Join(dir, "s3")}
	access, secret := filepath.Join(dir, "access"), filepath.Join(dir, "secret")
	err = errors.Join(os.WriteFile(access, []byte(s.Access+"\n"), 0o600), os.WriteFile(secret, []byte(s.Secret+"\n"), 0o600))
	return s, fmt.Sprintf("storage: {kind: s3, endpoint: %q, tls: false, region: us-east-1, bucket: %s, access_key: \"file:%s\", secret_key: \"file:%s\"}\n",
		s.Addr, s.Bucket, access, secret), err
}

// StartS3 runs s, of which everything but the process is filled in, and makes its bucket, with object lock as the recorder wants it.
func StartS3(ctx context.Context, s *S3) error {
	bin, err := buildS3(ctx)
	if err != nil {
		return err
	}
	versions := s.Root + "-versions"
	for _, dir := range []string{s.Root, versions} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	s.Process, err = Start(s.Root, bin, "--access", s.Access, "--secret", s.Secret, "--port", s.Addr, "--quiet", "posix", "--versioning-dir", versions, s.Root)
	if err != nil {
		return err
	}
	if err := Until(20*time.Second, func() bool {
		c, err := net.Dial("tcp", s.Addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}); err != nil {
		s.Stop()
		return fmt.Errorf("peer: S3 server: %w\n%s", err, s.Output())
	}
	make := exec.CommandContext(ctx, "curl", "-sS", "--fail", "-X", "PUT", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", s.Access+":"+s.Secret,
		"-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-H", "x-amz-bucket-object-lock-enabled: true", "http://"+s.Addr+"/"+s.Bucket)
	if out, err := make.CombinedOutput(); err != nil {
		s.Stop()
		return fmt.Errorf("peer: make bucket: %w\n%s\n%s", err, out, s.Output())
	}
	return nil
}

func buildS3(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "naisen", "versitygw-"+versitygw)
	bin := filepath.Join(dir, "versitygw")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil { // two test processes at once
		return "", err
	}
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	build := exec.CommandContext(ctx, "go", "install", "github.com/versity/versitygw/cmd/versitygw@"+versitygw)
	build.Dir = dir // outside of any module
	build.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("peer: build versitygw: %w\n%s", err, out)
	}
	return bin, nil
}
