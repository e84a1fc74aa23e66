package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// maxBulk operations of one job; its size is that of any body.
const maxBulk = 1000

// bulkOperation is one of a job (RFC 7644 section 3.7).
type bulkOperation struct {
	Method  string          `json:"method"`
	BulkID  string          `json:"bulkId"`
	Version string          `json:"version"`
	Path    string          `json:"path"`
	Data    json.RawMessage `json:"data"`
}

// job is a bulk request under way.
type job struct {
	ops    []bulkOperation
	made   map[string]string // id by bulkId
	failed map[string]bool   // bulkIds of what was not made
	out    []any             // by operation; nil: not done yet
	faults int
}

// bulk does the operations of a job, each in a transaction of its own, in the order in which they can be done: what names something that the job makes
// waits for it. After failOnErrors refusals the rest is left out.
func (s *server) bulk(ctx context.Context, c client, q request) (answer, error) {
	var in struct {
		Fail       *int            `json:"failOnErrors"`
		Operations []bulkOperation `json:"Operations"`
	}
	if json.Unmarshal(q.body, &in) != nil {
		return answer{}, bad(invalidSyntax, "the body is no BulkRequest")
	}
	if len(in.Operations) > maxBulk {
		return answer{}, &fault{http.StatusRequestEntityTooLarge, "", "a job has at most " + strconv.Itoa(maxBulk) + " operations"}
	}
	j := &job{ops: in.Operations, made: map[string]string{}, failed: map[string]bool{}, out: make([]any, len(in.Operations))}
	for _, o := range j.ops {
		if strings.EqualFold(o.Method, http.MethodPost) && o.BulkID == "" {
			return answer{}, bad(invalidSyntax, "a POST of a job needs a bulkId")
		}
	}
	for moved := true; moved; {
		moved = false
		for i, o := range j.ops {
			if j.out[i] != nil || !j.ready(o) {
				continue
			}
			if in.Fail != nil && *in.Fail > 0 && j.faults >= *in.Fail {
				return j.answer(), nil
			}
			if ctx.Err() != nil {
				return answer{}, ctx.Err()
			}
			s.step(ctx, c, j, i)
			moved = true
		}
	}
	for i, o := range j.ops { // a circle, or a name of nothing
		if j.out[i] == nil && (in.Fail == nil || *in.Fail <= 0 || j.faults < *in.Fail) {
			j.refuse(i, o, &fault{http.StatusConflict, invalidValue, "a bulkId that it names is none of the job, or waits for this operation"})
		}
	}
	return j.answer(), nil
}

func (j *job) answer() answer {
	done := make([]any, 0, len(j.out))
	for _, o := range j.out {
		if o != nil {
			done = append(done, o)
		}
	}
	return answer{status: http.StatusOK, body: map[string]any{"schemas": []string{urnBulkDone}, "Operations": done}}
}

const bulkRef = "bulkId:"

// names are the bulkIds to which an operation refers.
func (o bulkOperation) names() (out []string) {
	_, id, _ := cutPath(o.Path)
	if n, ok := strings.CutPrefix(id, bulkRef); ok {
		out = append(out, n)
	}
	for rest := o.Data; ; {
		_, after, ok := bytes.Cut(rest, []byte(`"`+bulkRef))
		name, more, closed := bytes.Cut(after, []byte(`"`))
		if !ok || !closed || len(out) >= maxBulk {
			return out
		}
		out, rest = append(out, string(name)), more
	}
}

// ready says that everything is there to which an operation refers, or never will be.
func (j *job) ready(o bulkOperation) bool {
	for _, n := range o.names() {
		if j.failed[n] {
			return true
		}
		if j.made[n] == "" {
			return false
		}
	}
	return true
}

// step does one operation.
func (s *server) step(ctx context.Context, c client, j *job, i int) {
	o := j.ops[i]
	endpoint, id, more := cutPath(o.Path)
	q := request{method: strings.ToUpper(o.Method), endpoint: endpoint, id: id, match: o.Version, body: o.Data}
	for _, n := range o.names() {
		if j.failed[n] {
			j.refuse(i, o, &fault{http.StatusConflict, invalidValue, "what it names was not made"})
			return
		}
		q.body = bytes.ReplaceAll(q.body, []byte(`"`+bulkRef+n+`"`), []byte(`"`+j.made[n]+`"`))
		if q.id == bulkRef+n {
			q.id = j.made[n]
		}
	}
	if more || q.endpoint != "Users" && q.endpoint != "Groups" || q.method == http.MethodGet || q.id == ".search" {
		j.refuse(i, o, bad(invalidPath, "an operation of a job changes a user or a group"))
		return
	}
	if !s.allow(c, 1) && !s.wait(ctx, c) {
		j.refuse(i, o, &fault{http.StatusTooManyRequests, "", "too many requests"})
		return
	}
	a, err := s.do(ctx, c, q)
	if err != nil {
		f := faultOf(err)
		if f == nil {
			s.Log.ErrorContext(ctx, "scim: operation of a job failed", "err", err)
			f = refused(http.StatusInternalServerError)
		}
		j.refuse(i, o, f)
		return
	}
	done := map[string]any{"method": q.method, "status": strconv.Itoa(a.status)}
	if o.BulkID != "" {
		done["bulkId"] = o.BulkID
		made, _ := a.body["id"].(string)
		j.made[o.BulkID] = made
	}
	if a.location != "" {
		done["location"] = a.location
	} else {
		done["location"] = c.base() + "/" + q.endpoint + "/" + q.id
	}
	if a.etag != "" {
		done["version"] = a.etag
	}
	j.out[i] = done
}

// refuse notes that an operation was not done.
func (j *job) refuse(i int, o bulkOperation, f *fault) {
	j.faults++
	out := map[string]any{"method": strings.ToUpper(o.Method), "status": strconv.Itoa(f.status), "response": f.body()}
	if o.BulkID != "" {
		out["bulkId"], j.failed[o.BulkID] = o.BulkID, true
	}
	j.out[i] = out
}

// wait lets a job go on at the pace of its client, as long as its time lasts.
func (s *server) wait(ctx context.Context, c client) bool {
	s.mu.Lock()
	l := s.limits[c.domain+"\x00"+c.name]
	s.mu.Unlock()
	return l != nil && l.Wait(ctx) == nil
}
