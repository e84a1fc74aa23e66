package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type policyCmd struct {
	Test    policyTestCmd    `cmd:"" help:"Run a table of cases: who, what, to what, when and from where, and what the answer must be."`
	Explain policyExplainCmd `cmd:"" help:"Print what each role may do, or which policies decide about an action."`
}

// runningSwitch is where the policies of a domain are read by REST.
type runningSwitch struct {
	URL    string `help:"Take the domain's policies, calendars and sites from the switch that answers HTTP there, beside those of the file." placeholder:"URL"`
	Domain string `default:"pbx.internal" help:"The domain."`
	Token  string `help:"Access token, as pbx login prints it: file:PATH or env:NAME." placeholder:"REF"`
}

// policyTestCmd needs no switch: the table of roles is the program's own.
type policyTestCmd struct {
	File string `arg:"" type:"existingfile" help:"YAML: site_policies, calendars, sites, cases."`
	runningSwitch
	Verbose bool `short:"v" help:"Say of every case which rule decided, and by what."`
}

// policyExplainCmd prints the table, or a part of it.
type policyExplainCmd struct {
	Action string `arg:"" optional:"" help:"Such as call.dial; left out: all of them."`
	Cedar  bool   `help:"As Cedar policies."`
	Schema bool   `help:"What statements of site policies may speak of, as a Cedar schema."`
	runningSwitch
}

// policyFile is a table of cases with the world that it is about.
type policyFile struct {
	Domain       string                    `json:"domain"`
	SitePolicies []provisioning.SitePolicy `json:"site_policies"`
	Calendars    []provisioning.Calendar   `json:"calendars"`
	Sites        []provisioning.Site       `json:"sites"`
	Departments  []provisioning.Department `json:"departments"` // which is a part of which
	Cases        []policyCase              `json:"cases"`
}

// policyCase is a question and its answer.
type policyCase struct {
	Name    string        `json:"name"`
	Subject policySubject `json:"subject"`
	Action  string        `json:"action"`
	Object  policyObject  `json:"object"`
	At      time.Time     `json:"at"`
	Allow   bool          `json:"allow"`
	Rule    string        `json:"rule"`
}

type policySubject struct {
	User       string                    `json:"user"`
	Domain     string                    `json:"domain"` // empty: the file's
	Roles      []provisioning.Role       `json:"roles"`
	Department string                    `json:"department"`
	Delegated  []provisioning.Delegation `json:"delegated"`
	Contractor bool                      `json:"contractor"`
	ACR        string                    `json:"acr"`
	AMR        []string                  `json:"amr"`
	Device     string                    `json:"device"`
	Client     string                    `json:"client"`
	Address    netip.Addr                `json:"address"`
	Age        int                       `json:"age"` // seconds since they showed who they are; 0: not known
	Attributes map[string]string         `json:"attributes"`
}

type policyObject struct {
	Domain      string   `json:"domain"` // empty: the file's
	Kind        string   `json:"kind"`   // empty: what the action is done to
	Key         string   `json:"key"`
	Owner       string   `json:"owner"`
	Departments []string `json:"departments"`
	Class       string   `json:"class"`
	Label       string   `json:"label"`
	Number      string   `json:"number"`
}

// errCases says that some cases came out otherwise.
var errCases = errors.New("some cases came out otherwise")

// Run implements `pbx policy test`.
func (c policyTestCmd) Run(ctx context.Context, out io.Writer) error {
	f, err := readPolicyFile(c.File)
	if err != nil {
		return err
	}
	world, err := c.world(ctx, f)
	if err != nil {
		return err
	}
	if len(f.Cases) == 0 {
		return errors.New("the file has no cases")
	}
	failed := 0
	for i, one := range f.Cases {
		if err := one.run(world, f.Domain, c.Verbose, out); err != nil {
			failed++
			fmt.Fprintf(out, "FAILED %d %s: %v\n", i+1, one.Name, err)
		}
	}
	fmt.Fprintf(out, "%d cases, %d failed\n", len(f.Cases), failed)
	if failed > 0 {
		return errCases
	}
	return nil
}

// readPolicyFile reads YAML; a key that it does not know is an error.
func readPolicyFile(path string) (f policyFile, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	body, err := yaml.YAMLToJSON(text)
	if err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	if f.Domain == "" {
		f.Domain = "pbx.internal"
	}
	return f, nil
}

// world is that of the file, and of the switch where one is named.
func (r runningSwitch) world(ctx context.Context, f policyFile) (*policy.Fixed, error) {
	if r.URL != "" {
		if err := errors.Join(fetchAll(ctx, r, "site-policies", &f.SitePolicies), fetchAll(ctx, r, "calendars", &f.Calendars), fetchAll(ctx, r, "sites", &f.Sites),
			fetchAll(ctx, r, "departments", &f.Departments)); err != nil {
			return nil, err
		}
	}
	for _, check := range []func() error{validAll(f.Calendars), validAll(f.Sites), validAll(f.Departments)} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	w, err := policy.NewFixed(policy.New(), f.SitePolicies, f.Calendars, f.Sites)
	if err != nil {
		return nil, err
	}
	w.Tree = f.Departments
	return w, nil
}

func validAll[T provisioning.Entity](list []T) func() error {
	return func() error {
		for _, e := range list {
			if err := e.Validate(); err != nil {
				return fmt.Errorf("%s %s: %w", e.Kind(), e.Key(), err)
			}
		}
		return nil
	}
}

// fetchAll reads every page of a list by REST.
func fetchAll[T provisioning.Entity](ctx context.Context, r runningSwitch, plural string, into *[]T) error {
	var token Secret
	if err := token.UnmarshalYAML([]byte(strconv.Quote(r.Token))); err != nil {
		return fmt.Errorf("--token: %w", err)
	}
	after := ""
	for {
		at := strings.TrimSuffix(r.URL, "/") + "/v1/domains/" + url.PathEscape(r.Domain) + "/" + plural + "?limit=1000&after=" + url.QueryEscape(after)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token.value)
		var page struct {
			Items []T    `json:"items"`
			Next  string `json:"next"`
		}
		if err := fetchJSON(req, &page); err != nil {
			return fmt.Errorf("%s: %w", plural, err)
		}
		*into = append(*into, page.Items...)
		if after = page.Next; after == "" {
			return nil
		}
	}
}

func fetchJSON(req *http.Request, into any) error {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body := json.NewDecoder(io.LimitReader(res.Body, 16<<20))
	if res.StatusCode != http.StatusOK {
		var problem struct{ Title, Detail string }
		_ = body.Decode(&problem)
		return fmt.Errorf("%s: %s %s", res.Status, problem.Title, problem.Detail)
	}
	return body.Decode(into)
}

// run asks the question.
func (c policyCase) run(w *policy.Fixed, domain string, verbose bool, out io.Writer) error {
	s, o := c.question(domain, w.Table)
	if c.Subject.Age > 0 {
		s.AuthTime = c.At.Add(-time.Duration(c.Subject.Age) * time.Second)
	}
	d := w.Table.Judge(w, c.At, s, provisioning.Action(c.Action), o)
	if verbose {
		facts, err := json.Marshal(policy.Facts(w, c.At, d.Rule, s, o)["inputs"])
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-5s %s: %s %s\n", answer(d.Allowed), c.Name, d.Rule, facts)
	}
	if d.Allowed != c.Allow || d.Rule != c.Rule {
		return fmt.Errorf("%s by %q, want %s by %q", answer(d.Allowed), d.Rule, answer(c.Allow), c.Rule)
	}
	return nil
}

func (c policyCase) question(domain string, t *policy.Table) (provisioning.Subject, provisioning.Object) {
	u, x := c.Subject, c.Object
	s := provisioning.Subject{Domain: u.Domain, User: u.User, Roles: u.Roles, Department: u.Department, Delegated: u.Delegated, Contractor: u.Contractor, ACR: u.ACR, AMR: u.AMR,
		Device: u.Device, Client: u.Client, Address: u.Address, Attributes: u.Attributes}
	o := provisioning.Object{Domain: x.Domain, Kind: x.Kind, Key: x.Key, Owner: x.Owner, Departments: x.Departments, Class: x.Class, Label: x.Label, Number: x.Number}
	if s.Domain == "" {
		s.Domain = domain
	}
	if o.Domain == "" {
		o.Domain = domain
	}
	if o.Kind == "" {
		o.Kind = t.ObjectKind(provisioning.Action(c.Action))
	}
	return s, o
}

func answer(allowed bool) string {
	if allowed {
		return "allow"
	}
	return "deny"
}

// Run implements `pbx policy explain`.
func (c policyExplainCmd) Run(ctx context.Context, out io.Writer) error {
	world, err := c.world(ctx, policyFile{})
	if err != nil {
		return err
	}
	t, action := world.Table, provisioning.Action(c.Action)
	text := t.Explain()
	switch {
	case c.Schema:
		text = t.Schema()
	case c.Action != "" && !slices.Contains(t.Actions(), action):
		return fmt.Errorf("there is no action %q", c.Action)
	case c.Action != "":
		text = strings.Join(t.Deciding(world, c.Domain, action), "\n\n") + "\n"
	case c.Cedar:
		text = t.Cedar()
	}
	_, err = io.WriteString(out, text)
	return err
}
