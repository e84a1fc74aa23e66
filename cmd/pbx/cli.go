package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"naisen/provisioning/identity"
)

// loginCmd signs in. It reads passwords from standard input, never from an argument that other users of the machine could see.
type loginCmd struct {
	URL    string   `default:"http://127.0.0.1:8080" help:"Where the switch answers HTTP."`
	Issuer string   `help:"An OIDC issuer of its own: sign in there with a browser." placeholder:"URL"`
	User   string   `default:"admin" help:"Who signs in."`
	Scope  []string `help:"What the token is for: openid,sip for a phone (RFC 8898); without it, what REST and playback take."`
}

// Run implements `pbx login`: prompts go to standard error, the token alone to standard output.
func (c loginCmd) Run(ctx context.Context, out io.Writer) error {
	var tokens identity.Tokens
	var err error
	if c.Issuer != "" {
		tokens, err = identity.Login{Issuer: c.Issuer, Scopes: c.Scope}.Browser(ctx, openBrowser)
	} else {
		in := bufio.NewReader(os.Stdin)
		var password string
		if password, err = ask(in, "Password of "+c.User+": "); err != nil {
			return err
		}
		tokens, err = identity.Login{Issuer: c.URL + "/identity", Scopes: c.Scope}.Password(ctx, c.User, password, func() (string, error) {
			return ask(in, "New password (12 characters or more): ")
		})
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, tokens.Access)
	return err
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
