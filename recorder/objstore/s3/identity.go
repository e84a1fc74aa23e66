package s3

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Identity says how this machine proves to the store who it is.
type Identity string

// Identities.
const (
	// Keys are an access key and its secret, which last until somebody changes them.
	Keys Identity = "keys"
	// Machine is what the machine gives: the role of an EC2 instance (IMDSv2), of an ECS task, or of a Kubernetes pod (IRSA, Pod Identity), by the
	// environment that the platform sets.
	Machine Identity = "machine"
	// WebIdentity exchanges a token in a file, which somebody else keeps fresh, for credentials of a role (STS AssumeRoleWithWebIdentity).
	WebIdentity Identity = "web-identity"
	// Role exchanges access key and secret for credentials of a role, which end soon (STS AssumeRole).
	Role Identity = "role"
)

// Source is where credentials come from. Only Identity "keys" has credentials that do not end.
type Source struct {
	Identity  Identity // default keys
	Endpoint  string   // URL of the STS, or of the metadata service (default: 169.254.169.254)
	Role      string   // ARN of the role, where the STS asks for one
	TokenFile string   // of a web identity
}

// maxToken bounds a token's file, bytes.
const maxToken = 64 << 10

// patience with who gives credentials: a request to the store waits for it.
const patience = 10 * time.Second

// validate says what is missing.
func (s Source) validate(accessKey string, secret Secret) error {
	keys := accessKey != "" && secret != ""
	switch s.Identity {
	case "", Keys:
		if !keys {
			return errors.New("s3: access key and secret are required")
		}
		return nil
	case Role:
		if !keys {
			return errors.New("s3: a role is assumed with an access key and its secret")
		}
	case WebIdentity:
		if s.TokenFile == "" {
			return errors.New("s3: a web identity has a file with its token")
		}
	case Machine:
		if s.Endpoint == "" {
			return nil
		}
	default:
		return fmt.Errorf("s3: identity %q is not known", s.Identity)
	}
	return checkEndpoint(s.Endpoint, s.Identity == Machine)
}

// checkEndpoint: credentials come encrypted, or from this machine or its link (metadata services have no certificate).
func checkEndpoint(endpoint string, link bool) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("s3: where credentials come from is no URL")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && ip != nil && (ip.IsLoopback() || link && ip.IsLinkLocalUnicast()) {
		return nil
	}
	return errors.New("s3: credentials come over https, or from this machine")
}

// credentials are asked for when they are needed, and again when four fifths of their time are over.
func (s Source) credentials(accessKey string, secret Secret, region string) *credentials.Credentials {
	client := &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	switch s.Identity {
	case Machine:
		return credentials.New(&credentials.IAM{Client: client, Endpoint: s.Endpoint, Region: region})
	case WebIdentity:
		return credentials.New(&credentials.STSWebIdentity{Client: client, STSEndpoint: s.Endpoint, RoleARN: s.Role, GetWebIDTokenExpiry: s.token})
	case Role:
		return credentials.New(&credentials.STSAssumeRole{Client: client, STSEndpoint: s.Endpoint, Options: credentials.STSAssumeRoleOptions{AccessKey: accessKey,
			SecretKey: string(secret), Location: region, RoleARN: s.Role, RoleSessionName: "naisen"}})
	}
	return credentials.NewStaticV4(accessKey, string(secret), "")
}

// token reads the file anew each time.
func (s Source) token() (*credentials.WebIdentityToken, error) {
	info, err := os.Stat(s.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("s3: token: %w", err)
	}
	if info.Size() == 0 || info.Size() > maxToken {
		return nil, fmt.Errorf("s3: a token of %d bytes in %s", info.Size(), s.TokenFile)
	}
	text, err := os.ReadFile(s.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("s3: token: %w", err)
	}
	return &credentials.WebIdentityToken{Token: strings.TrimSpace(string(text))}, nil
}
