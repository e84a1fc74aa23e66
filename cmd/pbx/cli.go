package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"naisen/provisioning/identity"
)

// loginCmd signs in. It reads passwords from standard input, never from an argument that other users of the machine could see.
type loginCmd struct {
	URL      string        `default:"http://127.0.0.1:8080" help:"Where the switch answers HTTP."`
	Issuer   string        `help:"An OIDC issuer of its own: sign in there with a browser." placeholder:"URL"`
	Client   string        `default:"pbx-cli" help:"The client id that the issuer knows this program by."`
	Device   bool          `help:"Sign in on another device: shows an address and a code to enter there (RFC 8628)."`
	User     string        `default:"admin" help:"Who signs in."`
	Scope    []string      `help:"What the token is for: openid,sip for a phone (RFC 8898); without it, what REST and playback take."`
	Callback string        `help:"Address and port here that the issuer sends the browser back to, if it takes only one that it was told: 127.0.0.1:8765." placeholder:"ADDR:PORT"`
	Resource string        `help:"What the token is for, where the issuer wants to be told (RFC 8707)." placeholder:"URI"`
	ACR      []string      `name:"acr" help:"How to sign in: acr_values, as an answer 401 insufficient_user_authentication names them (RFC 9470)."`
	MaxAge   time.Duration `help:"Sign in again if the last time is longer ago: max_age of such an answer, as 900s."`
}

// Run implements `pbx login`: prompts go to standard error, the token alone to standard output.
func (c loginCmd) Run(ctx context.Context, out io.Writer) error {
	l := identity.Login{Issuer: c.Issuer, ClientID: c.Client, Scopes: c.Scope, Resource: c.Resource, Callback: c.Callback, StepUp: identity.Requirement{ACR: c.ACR, MaxAge: c.MaxAge}}
	if l.Issuer == "" {
		l.Issuer = c.URL + "/identity"
	}
	tokens, err := c.signIn(ctx, l)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, tokens.Access)
	return err
}

func (c loginCmd) signIn(ctx context.Context, l identity.Login) (identity.Tokens, error) {
	switch {
	case c.Device:
		return l.Device(ctx, showDevice)
	case c.Issuer != "":
		return l.Browser(ctx, openBrowser)
	}
	in := bufio.NewReader(os.Stdin)
	password, err := ask(in, "Password of "+c.User+": ")
	if err != nil {
		return identity.Tokens{}, err
	}
	l.Code = func() (string, error) { return ask(in, "Code of the app, or a recovery code: ") }
	return l.Password(ctx, c.User, password, func() (string, error) {
		return ask(in, "New password (12 characters or more): ")
	})
}

// ask reads one line; on a terminal the typing is not shown.
func ask(in *bufio.Reader, question string) (string, error) {
	fmt.Fprint(os.Stderr, question)
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		quiet := exec.Command("stty", "-echo")
		quiet.Stdin = os.Stdin
		if quiet.Run() == nil {
			defer func() {
				loud := exec.Command("stty", "echo")
				loud.Stdin = os.Stdin
				_ = loud.Run()
				fmt.Fprintln(os.Stderr)
			}()
		}
	}
	line, err := in.ReadString('\n')
	if errors.Is(err, io.EOF) && line != "" {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}

func openBrowser(url string) error {
	fmt.Fprintln(os.Stderr, "Open this address in a browser to sign in:\n"+url)
	return nil
}

func showDevice(at, code, complete string) error {
	fmt.Fprintf(os.Stderr, "Open this address on any device and enter the code %s:\n%s\n", code, at)
	if complete != "" {
		fmt.Fprintf(os.Stderr, "Or this one, which holds the code:\n%s\n", complete)
	}
	return nil
}

// stepUpHint tells whoever was answered 401 insufficient_user_authentication how to come back; "": that is not why.
func stepUpHint(answer *http.Response) string {
	r, ok := identity.StepUpOf(answer.Header.Get("WWW-Authenticate"))
	if answer.StatusCode != http.StatusUnauthorized || !ok {
		return ""
	}
	hint := "\nSign in again for this: pbx login"
	if len(r.ACR) > 0 {
		hint += fmt.Sprintf(" --acr %.512q", strings.Join(r.ACR, ","))
	}
	if r.MaxAge > 0 {
		hint += fmt.Sprintf(" --max-age %s", r.MaxAge)
	}
	return hint
}
