package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrCheckpoint says that a checkpoint is not authentic.
var ErrCheckpoint = errors.New("audit: checkpoint is not authentic")

// Checkpoint says that the log had Size entries with this root. Its signed form is that of C2SP tlog-checkpoint: origin, size, root, and a line of
// extension with the time. The origin is the name of the key that signs, so that a witness of several logs tells ours apart.
type Checkpoint struct {
	Size int64
	Root tlog.Hash
	Time time.Time
}

const (
	oldOrigin   = "naisen audit log" // of checkpoints signed before keys had a name of their own
	suffix      = ".checkpoint"
	cosigned    = "-cosigned" // after suffix: with the signature of a witness
	maxNote     = 4096
	maxCheckDir = 1_000_000
)

// Sign is the checkpoint as a signed note.
func (k *Key) Sign(c Checkpoint) ([]byte, error) {
	text := fmt.Sprintf("%s\n%d\n%s\ntime %s\n", k.signer.Name(), c.Size, c.Root, c.Time.UTC().Format(time.RFC3339))
	b, err := note.Sign(&note.Note{Text: text}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("audit: sign checkpoint: %w", err)
	}
	return b, nil
}

// OpenCheckpoint checks a signed note with the public key of Key.Public: ErrCheckpoint.
func OpenCheckpoint(signed []byte, public string) (Checkpoint, error) {
	v, err := note.NewVerifier(strings.TrimSpace(public))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: public key: %w", err)
	}
	if len(signed) > maxNote {
		return Checkpoint{}, fmt.Errorf("%w: too long", ErrCheckpoint)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 5 || lines[0] != v.Name() && lines[0] != oldOrigin || lines[4] != "" {
		return Checkpoint{}, fmt.Errorf("%w: signed, but no checkpoint of an audit log", ErrCheckpoint)
	}
	size, err1 := strconv.ParseInt(lines[1], 10, 64)
	root, err2 := tlog.ParseHash(lines[2])
	at, err3 := time.Parse("time "+time.RFC3339, lines[3])
	if err := errors.Join(err1, err2, err3); err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("%w: signed, but not readable", ErrCheckpoint)
	}
	return Checkpoint{Size: size, Root: root, Time: at}, nil
}

// LoadCheckpoints reads a directory that a Checkpointer wrote, by size. One that is not authentic fails the whole: ErrCheckpoint with its name.
func LoadCheckpoints(dir, public string) ([]Checkpoint, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("audit: checkpoints: %w", err)
	}
	var out []Checkpoint
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix) || len(out) >= maxCheckDir {
			continue
		}
		signed, err := os.ReadFile(filepath.Join(dir, e.Name())) // the operator's directory
		if err != nil {
			return nil, fmt.Errorf("audit: checkpoints: %w", err)
		}
		c, err := OpenCheckpoint(signed, public)
		if err != nil {
			return nil, fmt.Errorf("audit: checkpoint %s: %w", e.Name(), err)
		}
		if e.Name() != fileName(c.Size) {
			return nil, fmt.Errorf("audit: checkpoint %s: %w: it is one of %d entries", e.Name(), ErrCheckpoint, c.Size)
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Checkpoint) int { return int(min(max(a.Size-b.Size, -1), 1)) })
	return out, nil
}

// fileName sorts by size.
func fileName(size int64) string { return fmt.Sprintf("%016d%s", size, suffix) }
