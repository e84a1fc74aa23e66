package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"naisen/loadtest/callgen/process"
)

const apiMethod = "As many clients as stated ask one after the other, each on a connection of its own and with one administrator's token: to read an extension, and to write a contact, " +
	"which is one transaction of the change, its audit entry and the change feed, synced to the disk before it is answered. The rate is what the switch gives on its core, the generator not included; " +
	"its processor time is from /proc."

const apiClients = 8

// measureAPI reads and writes by the API as fast as it answers.
func measureAPI(ctx context.Context, l *lab, t *table) error {
	s, err := l.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	token, err := s.Person(ctx, "api", "admin")
	if err != nil {
		return err
	}
	for range l.runs {
		if err := s.apiRate(ctx, t, "authorised reads", "≥ 2,000", http.MethodGet, token, func(int64) (string, any) { return "extensions/2001", nil }); err != nil {
			return err
		}
		err := s.apiRate(ctx, t, "audited writes", "≥ 300", http.MethodPut, token, func(n int64) (string, any) {
			return fmt.Sprintf("contacts/c%d", n%500), map[string]any{"name": fmt.Sprintf("窓口 %d", n), "numbers": []map[string]any{{"kind": "work", "number": "0312345678"}}}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// apiRate asks for some seconds.
func (s *site) apiRate(ctx context.Context, t *table, what, target, method, token string, next func(int64) (path string, body any)) error {
	seconds := time.Duration(scale(s.lab, 10, 2)) * time.Second
	u1, k1, err := process.CPU(s.PID())
	if err != nil {
		return err
	}
	var count atomic.Int64
	var wg sync.WaitGroup
	took, failed := make([][]time.Duration, apiClients), make([]error, apiClients)
	began := time.Now()
	for i := range apiClients {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
			defer client.CloseIdleConnections()
			for time.Since(began) < seconds && ctx.Err() == nil && failed[i] == nil {
				path, body := next(count.Add(1))
				at := time.Now()
				failed[i] = s.answered(ctx, client, method, path, token, body)
				took[i] = append(took[i], time.Since(at))
			}
		})
	}
	wg.Wait()
	spent := time.Since(began)
	u2, k2, err := process.CPU(s.PID())
	if err := errors.Join(append(failed, err, ctx.Err())...); err != nil {
		return err
	}
	var all []time.Duration
	for _, d := range took {
		all = append(all, d...)
	}
	t.add(what, "/s", target, float64(len(all))/spent.Seconds()).note = fmt.Sprintf("%d clients; median %s ms, p99 %s ms", apiClients, number(milliseconds(all, 0.5)), number(milliseconds(all, 0.99)))
	t.add(what+": processor time each", "ms", "", millis((u2-u1+k2-k1)/time.Duration(len(all))))
	return nil
}

// answered asks once.
func (s *site) answered(ctx context.Context, client *http.Client, method, path, token string, body any) error {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.URL+"/v1/domains/"+s.Domain+"/"+path, in)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("report: %s %s: %d %.200s", method, path, resp.StatusCode, text)
	}
	return err
}
