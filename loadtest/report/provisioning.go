package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"naisen/loadtest/bulk"
	"naisen/loadtest/callgen/process"
)

const provisioningMethod = "A file of users and one of extensions is imported over HTTP, each in one transaction with an audit entry for each line; then again, when nothing changes, and exported. " +
	"Live: new extensions are made one after the other among the others; the time from the answer of the PUT until the telephone is registered with the password out of it, its REGISTER and the challenge included."

// measureProvisioning imports, exports, and looks how soon a change is live.
func measureProvisioning(ctx context.Context, l *lab, t *table) error {
	s, err := l.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	token, err := s.Person(ctx, "ward", "admin")
	if err != nil {
		return err
	}
	users, extensions := scale(l, 10_000, 500), scale(l, 5_000, 200)
	var file strings.Builder
	file.WriteString("name,display,roles\n")
	for i := range users {
		fmt.Fprintf(&file, "u%05d,職員 %d,staff\n", i, i)
	}
	if err := s.file(ctx, t, token, fmt.Sprintf("import of %d users", users), "≤ 60 s", http.MethodPost, "imports/users", file.String()); err != nil {
		return err
	}
	if err := s.file(ctx, t, token, "the same file again", "", http.MethodPost, "imports/users", file.String()); err != nil {
		return err
	}
	if err := s.file(ctx, t, token, "export of the users", "", http.MethodGet, "exports/users", ""); err != nil {
		return err
	}
	file.Reset()
	file.WriteString("number,display,user\n")
	for i := range extensions {
		fmt.Fprintf(&file, "4%04d,席 %d,u%05d\n", i, i, i)
	}
	if err := s.file(ctx, t, token, fmt.Sprintf("import of %d extensions, each with a password of its own", extensions), "", http.MethodPost, "imports/extensions", file.String()); err != nil {
		return err
	}
	rss, err := process.RSS(s.PID())
	if err != nil {
		return err
	}
	t.add("resident memory afterwards", "MiB", "", float64(rss)/(1<<20))
	return s.live(ctx, t, token, scale(l, 300, 20))
}

// file sends one request and notes what it cost.
func (s *site) file(ctx context.Context, t *table, token, what, target, method, path, text string) error {
	u1, k1, err := process.CPU(s.PID())
	if err != nil {
		return err
	}
	began := time.Now()
	answer, err := s.fetch(ctx, token, method, path, text)
	if err != nil {
		return err
	}
	spent := time.Since(began)
	u2, k2, err := process.CPU(s.PID())
	if err != nil {
		return err
	}
	t.add(what, "s", target, spent.Seconds()).note = fmt.Sprintf("%d octets sent, %d received", len(text), len(answer))
	t.add(what+": processor time", "s", "", (u2 - u1 + k2 - k1).Seconds())
	return nil
}

func (s *site) fetch(ctx context.Context, token, method, path, text string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.URL+"/v1/domains/"+s.Domain+"/"+path, strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "text/csv")
	if method == http.MethodPut {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("report: %s %s: %d %.300s", method, path, resp.StatusCode, answer)
	}
	return answer, err
}

// live makes extensions and registers each at once.
func (s *site) live(ctx context.Context, t *table, token string, n int) error {
	line, err := bulk.Open(netip.MustParseAddr("127.0.0.1"), s.udp(), s.Domain)
	if err != nil {
		return err
	}
	defer line.Close()
	var took []time.Duration
	refused := 0
	for i := range n {
		at := fmt.Sprintf("39%03d", i)
		answer, err := s.fetch(ctx, token, http.MethodPut, "extensions/"+at, `{"display":"new"}`)
		if err != nil {
			return err
		}
		began := time.Now()
		var made struct{ Secret string }
		if err := json.NewDecoder(bytes.NewReader(answer)).Decode(&made); err != nil {
			return err
		}
		for {
			_, err := line.Register(ctx, bulk.Account{User: at, Password: made.Secret}, time.Hour)
			if err == nil {
				break
			}
			if refused++; time.Since(began) > 5*time.Second {
				return fmt.Errorf("report: %s does not come alive: %w", at, err)
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.add("a new extension is registered, 99th percentile", "ms", "≤ 200 ms", millis(bulk.Quantile(took, .99))).note =
		fmt.Sprintf("%d of them, median %s ms; %d attempts came too early", n, number(millis(bulk.Quantile(took, .5))), refused)
	return nil
}
