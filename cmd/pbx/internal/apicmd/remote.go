// Package apicmd owns the commands that ask a switch by its API, from anywhere: each operation of the API is one of them, by the table that is generated from
// its document. It has no rule of its own, keeps nothing, and never reads a token but from the environment.
package apicmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"naisen/provisioning/client"
)

// Token is the variable of the environment that holds the access token: other users of the machine cannot see it, as they see arguments.
const Token = "PBX_TOKEN"

// Commands are the commands of the API.
type Commands struct {
	Get    getCmd    `cmd:"" help:"Show what there is of a kind, or one of it: pbx get extensions 2001."`
	Set    setCmd    `cmd:"" help:"Change fields of one: pbx set extensions 2001 display=窓口 max_contacts:=3 record=."`
	Put    putCmd    `cmd:"" help:"Create or replace one from a JSON or YAML file."`
	Delete deleteCmd `cmd:"" help:"Delete one."`
	Import importCmd `cmd:"" help:"Create or change all that a CSV or JSON file has, or nothing of it."`
	Export exportCmd `cmd:"" help:"Write all of a kind as a CSV or JSON file."`
	Call   callCmd   `cmd:"" help:"Look at a call."`
	Do     doCmd     `cmd:"" help:"Carry any operation of the API out by its name: pbx do start-call --body -. Without a name: list them."`

	Completion completionCmd `cmd:"" help:"Print a script by which a shell completes commands, kinds and operations: eval \"$(pbx completion bash)\"."`
}

// flags are what every command has.
type flags struct {
	URL      string        `default:"http://127.0.0.1:8080" env:"PBX_URL" help:"Where the switch answers HTTP."`
	Domain   string        `env:"PBX_DOMAIN" help:"The domain that is asked about." placeholder:"DOMAIN"`
	Output   string        `short:"o" enum:"table,json" default:"table" help:"table, or json as the API gives it."`
	Patience time.Duration `default:"30s" help:"How long to ask again where the switch says that it is too early."`
}

// Client asks the switch at a URL with the token of the environment. The token is sent there only: in the clear to this machine alone, and after no redirection,
// since the API has none.
func Client(at string) (*client.Client, error) {
	token := os.Getenv(Token)
	if token == "" {
		return nil, errors.New(Token + " must hold an access token: export " + Token + "=$(pbx login)")
	}
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errors.New("--url must be an address such as https://pbx.ward.example.jp")
	}
	here := u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !here) {
		return nil, errors.New("--url must begin with https: whoever is on the way could read the access token")
	}
	c := client.New(at, token)
	c.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("the switch sends elsewhere, which its API never does: is --url right?")
	}}
	return c, nil
}

func (f flags) client() (*client.Client, error) {
	c, err := Client(f.URL)
	if err == nil {
		c.Patience = f.Patience
	}
	return c, err
}

// operation finds what a command does of a kind, such as GET /v1/domains/{domain}/extensions/{key}.
func (f flags) operation(method, kind, rest string) (client.Operation, error) {
	path := "/v1/domains/{domain}/" + rest
	all := client.Operations()
	i := slices.IndexFunc(all, func(o client.Operation) bool {
		return o.Method == method && o.Path == strings.ReplaceAll(path, "KIND", kind)
	})
	if i >= 0 {
		return all[i], nil
	}
	return client.Operation{}, fmt.Errorf("%q is no kind for this: it is one of %s", kind, strings.Join(kindsOf(all, method, path), ", "))
}

// kindsOf are the kinds for which there is such an operation.
func kindsOf(all []client.Operation, method, path string) (out []string) {
	before, after, _ := strings.Cut(path, "KIND")
	for _, o := range all {
		kind, ok := strings.CutPrefix(o.Path, before)
		if kind, here := strings.CutSuffix(kind, after); ok && here && o.Method == method && !strings.ContainsAny(kind, "/{") {
			out = append(out, kind)
		}
	}
	slices.Sort(out)
	return out
}

// fill puts values into an operation's path.
func fill(o client.Operation, values map[string]string) (string, error) {
	path := o.Path
	for _, name := range o.PathParameters {
		v := values[name]
		if v == "" {
			return "", fmt.Errorf("%s needs %s", o.ID, flagOf(name))
		}
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(v))
	}
	return path, nil
}

func flagOf(name string) string {
	if name == "domain" {
		return "--domain, or PBX_DOMAIN"
	}
	return name + "=..."
}

// ask carries an operation out and reads its answer.
func (f flags) ask(ctx context.Context, o client.Operation, key string, query url.Values, body any, kind string, options ...client.Option) ([]byte, client.Answer, error) {
	c, err := f.client()
	if err != nil {
		return nil, client.Answer{}, err
	}
	path, err := fill(o, map[string]string{"domain": f.Domain, "key": key})
	if err != nil {
		return nil, client.Answer{}, err
	}
	in, answer, err := c.Call(ctx, o.Method, path, query, body, kind, options...)
	if err != nil {
		return nil, answer, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxAnswer))
	return text, answer, err
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 256 << 20

// told says what became of a change: what the switch has now, or where it waits for others.
func (f flags) told(out io.Writer, text []byte, answer client.Answer) error {
	if answer.Status == http.StatusAccepted {
		fmt.Fprintln(out, "waits for others to agree:", proposalOf(answer.Link))
		return nil
	}
	return f.show(out, text)
}

func proposalOf(link string) string {
	at, _, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	name, err := url.PathUnescape(at[strings.LastIndexByte(at, '/')+1:])
	if err != nil {
		return at
	}
	return name
}

// show prints an answer as it was asked for.
func (f flags) show(out io.Writer, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if f.Output == "json" || !json.Valid(text) {
		_, err := fmt.Fprintln(out, strings.TrimRight(string(text), "\n"))
		return err
	}
	return table(out, text)
}
