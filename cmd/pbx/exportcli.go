package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"naisen/recorder/evidence"
)

// exportCmd fetches an evidence pack over REST, as the person whose token it is: the same rights, the same audit log as in the console.
type exportCmd struct {
	Recording string   `arg:"" help:"The recording's id."`
	URL       string   `default:"http://127.0.0.1:8080" help:"Where the switch answers HTTP."`
	Domain    string   `default:"pbx.internal" help:"The recording's domain."`
	Token     string   `required:"" help:"Access token, as pbx login prints it: file:PATH or env:NAME." placeholder:"REF"`
	Purpose   string   `required:"" help:"What the pack is for. It stands in the pack and in the audit log."`
	Redact    []string `sep:"none" help:"Seconds that become silence: FROM-TO:caller|called|both:REASON, as often as needed." placeholder:"RANGE"`
	Out       string   `required:"" type:"path" help:"File to write; it must not be there." placeholder:"FILE"`
}

// Run implements `pbx recording export`.
func (c exportCmd) Run(ctx context.Context, out io.Writer) error {
	var token Secret
	if err := token.UnmarshalYAML([]byte(strconv.Quote(c.Token))); err != nil {
		return fmt.Errorf("--token: %w", err)
	}
	order := struct {
		Purpose    string               `json:"purpose"`
		Redactions []evidence.Redaction `json:"redactions"`
	}{c.Purpose, []evidence.Redaction{}}
	for _, text := range c.Redact {
		r, err := parseRedaction(text)
		if err != nil {
			return fmt.Errorf("--redact %s: %w", text, err)
		}
		order.Redactions = append(order.Redactions, r)
	}
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	at := strings.TrimSuffix(c.URL, "/") + "/v1/domains/" + url.PathEscape(c.Domain) + "/recordings/" + url.PathEscape(c.Recording) + "/evidence"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token.value)
	if err := fetchPack(req, c.Out); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, c.Out)
	return err
}

// fetchPack writes the answer to a new file, whole or not at all.
func fetchPack(req *http.Request, path string) error {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		var problem struct{ Title, Detail string }
		_ = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&problem)
		return fmt.Errorf("%s: %s %s%s", res.Status, problem.Title, problem.Detail, stepUpHint(res))
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, res.Body)
	if err == nil && n != res.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// parseRedaction reads "12.5-14:caller:card number".
func parseRedaction(text string) (r evidence.Redaction, err error) {
	bad := errors.New(`is not FROM-TO:SIDE:REASON in seconds, as in "12.5-14:caller:card number"`)
	times, rest, ok1 := strings.Cut(text, ":")
	side, reason, ok2 := strings.Cut(rest, ":")
	from, to, ok3 := strings.Cut(times, "-")
	a, err1 := strconv.ParseFloat(from, 64)
	b, err2 := strconv.ParseFloat(to, 64)
	if !ok1 || !ok2 || !ok3 || errors.Join(err1, err2) != nil || !(a >= 0 && b > a && b < 1e6) {
		return r, bad
	}
	// Outwards: what is to be silent is silent to its last millisecond.
	r = evidence.Redaction{FromMS: int64(math.Floor(a * 1000)), ToMS: int64(math.Ceil(b * 1000)), Side: side, Reason: reason}
	return r, evidence.Request{Purpose: "-", Redactions: []evidence.Redaction{r}}.Check(1e6 * time.Second)
}
