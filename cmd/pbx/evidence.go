package main

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/durable"
	"naisen/provisioning/policy"
	"naisen/recorder"
	"naisen/recorder/evidence"
)

// deposit enters what the store has given back into the audit log: from then on a recording that is altered, or exchanged together with its
// manifest by whoever has the vault's keys, no longer fits. What is told twice is written once.
func deposit(s provisioning.Store) func(context.Context, recorder.Deposit) error {
	return func(ctx context.Context, d recorder.Deposit) error {
		object := recordingObject(d.ID)
		return s.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			before, err := w.Audit(d.Domain, provisioning.AuditQuery{Action: evidence.StoredAction, Object: object, Newest: true, Limit: 1})
			if err != nil || len(before) > 0 && before[0].Detail["sealed_manifest_sha256"] == d.SealedManifestSHA256 {
				return err
			}
			tracks := make([]any, len(d.Tracks))
			for i, t := range d.Tracks {
				tracks[i] = map[string]any{"track": t.Number, "audio_sha256": t.AudioSHA256, "sealed_sha256": t.SealedSHA256}
			}
			return w.AddAudit(provisioning.AuditEntry{Domain: d.Domain, Action: evidence.StoredAction, Object: object, Outcome: "ok", Detail: map[string]any{
				"call": d.Call, "number": d.DID, "policy": d.Policy, "started": d.Started, "ended": d.Ended, "duration_ms": d.DurationMS,
				"audio_sha256": d.AudioSHA256, "sealed_sha256": d.SealedSHA256, "sealed_bytes": d.SealedBytes, "manifest_sha256": d.ManifestSHA256,
				"sealed_manifest_sha256": d.SealedManifestSHA256, "tracks": tracks}})
		})
	}
}

// recordingObject is how the audit log names a recording of which something is known; who asks for one that may not be there is noted under the bare id.
func recordingObject(id string) string { return "recording/" + id }

// trail is the audit log for evidence packs.
type trail struct {
	store interface {
		provisioning.Store
		audit.Source
	}
	checkpoints *audit.Checkpointer // nil: the log was altered
	publisher   *audit.Publisher
	key         *audit.Key
}

var _ evidence.Log = trail{}

var errAltered = errors.New("the audit log was altered; nothing of it is vouched for")

// Bounds of an extract, in entries. All together are below what audit.Extract takes.
const (
	extractKind = 500 // of one action and outcome
	extractMost = 10_000
)

// Extract implements evidence.Log.
func (t trail) Extract(ctx context.Context, domain, recording string) (x evidence.Extract, err error) {
	if t.checkpoints == nil {
		return x, errAltered
	}
	var about picked
	err = t.store.View(ctx, func(r provisioning.Reader) error {
		about = picked{left: map[kindOfEntry]int64{}, have: map[kindOfEntry]int{}}
		for _, object := range []string{recordingObject(recording), recording} {
			for q := (provisioning.AuditQuery{Object: object, Newest: true, Limit: provisioning.MaxPage}); ; {
				page, err := r.Audit(domain, q)
				if err != nil {
					return err
				}
				for _, e := range page {
					about.take(e)
					q.After = e.Seq
				}
				if len(page) < provisioning.MaxPage {
					break
				}
			}
		}
		return nil
	})
	if err != nil {
		return x, err
	}
	slices.Sort(about.seqs)
	_ = t.publisher.Publish(ctx) // so that a witness's signature is in the pack; where it is away, it is not
	_, signed, err := t.checkpoints.Signed(ctx)
	if err != nil {
		return x, err
	}
	proved, err := audit.NewExtract(ctx, t.store, signed, t.key.Public(), about.seqs)
	if err != nil {
		return x, err
	}
	x.Key, x.LeftOut = t.key.Public(), about.leftOut()
	x.Text, err = json.MarshalIndent(proved, "", "  ")
	return x, err
}

// kindOfEntry is what entries are counted by.
type kindOfEntry struct{ action, outcome string }

// picked are the entries of an extract: the newest of each kind, so that nobody who looks at a recording again and again keeps a pack from being made,
// or what others did out of it. Who saw lists and manifests is counted only: nothing was heard.
type picked struct {
	seqs []int64
	have map[kindOfEntry]int
	left map[kindOfEntry]int64
}

// take is told of entries, the newest first.
func (p *picked) take(e provisioning.AuditEntry) {
	kind := kindOfEntry{e.Action, e.Outcome}
	if strings.TrimSuffix(e.Action, servedSuffix) == string(policy.RecordingList) || p.have[kind] >= extractKind || len(p.seqs) >= extractMost {
		p.left[kind]++
		return
	}
	p.have[kind]++
	p.seqs = append(p.seqs, e.Seq)
}

// leftOut is in one order, so that the same log gives the same pack.
func (p *picked) leftOut() []evidence.LeftOut {
	var all []evidence.LeftOut
	for k, n := range p.left {
		all = append(all, evidence.LeftOut{Action: k.action, Outcome: k.outcome, Count: n})
	}
	slices.SortFunc(all, func(a, b evidence.LeftOut) int {
		return cmp.Or(strings.Compare(a.Action, b.Action), strings.Compare(a.Outcome, b.Outcome))
	})
	return all
}

// openLog checks extracts. pinned is the log's key as somebody trusts it (empty: the one that the pack's signed index names); witness the key of who
// must have signed its checkpoint too (empty: nobody).
func openLog(pinned, witness string) evidence.OpenLog {
	return func(extract []byte, key string) (p evidence.Proved, err error) {
		x, err := audit.ReadExtract(extract)
		if err != nil {
			return p, err
		}
		if pinned != "" {
			key = pinned
		}
		if x.LogKey != key {
			return p, errors.New("it is of a log with another key")
		}
		c, entries, err := x.Open(key)
		if err != nil {
			return p, err
		}
		p.Size, p.Time = c.Size, c.Time
		if witness != "" {
			if p.Witnessed, err = audit.Cosigned([]byte(x.Checkpoint), witness); err != nil {
				return p, err
			}
		}
		for _, e := range entries {
			p.Entries = append(p.Entries, evidence.Entry{Seq: e.Seq, Time: e.Time, Domain: e.Domain, Subject: e.Subject, Action: e.Action, Object: e.Object,
				Outcome: e.Outcome, Detail: e.Detail})
		}
		return p, nil
	}
}

// packs makes what builds evidence packs.
func (p *pbx) packs() (*evidence.Builder, error) {
	key, err := evidenceKey(p.config.evidencePath())
	if err != nil {
		return nil, err
	}
	return &evidence.Builder{Opener: p.vault.opener(), Key: key, Now: time.Now, Check: openLog("", ""),
		Log: trail{p.store, p.checkpoints, p.publisher, p.auditKey}}, nil
}

// evidenceKey reads the key that signs packs, or makes it (PKCS #8, mode 0600) with its public half beside it: that one is handed out, once, to whoever
// shall be able to check packs.
func evidenceKey(path string) (ed25519.PrivateKey, error) {
	text, err := durable.ReadPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = newEvidenceKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("evidence key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("evidence key: %s is no PEM file", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("evidence key: %s holds no key of Ed25519", path) // the cause could quote it
	}
	public, err := evidence.EncodeKey(key.Public().(ed25519.PublicKey))
	if err == nil {
		err = os.WriteFile(strings.TrimSuffix(path, ".key")+".pub.pem", public, 0o644) // public
	}
	return key, err
}

func newEvidenceKey(path string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	return createKey(path, key)
}

// createKey writes a private key, unless one is there.
func createKey(path string, key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	err = durable.Create(path, text, 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was first
		return durable.ReadPrivate(path)
	}
	return text, err
}
