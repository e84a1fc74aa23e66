package audit

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrSegment says that an archive of the log is not authentic, or not whole.
var ErrSegment = errors.New("audit: archive is not as it was made")

// BlockSize is how many entries are archived together: 2^12, aligned, so that each block is a subtree of the log's tree (RFC 6962 section 2.1) and what must
// stay of it is the hashes that its last entry completed.
const BlockSize = 1 << 12

const (
	segmentHead  = "naisen audit archive v1 " // begins an archive; the length of the signed note follows
	segmentTitle = " archive"                 // after the key's name: the note's first line. A checkpoint's has nothing there
	maxBlock     = 1 << 16
)

// Segment is one block of the log in an archive.
type Segment struct {
	First, Last int64
	Root        tlog.Hash // of the block's subtree
	Newest      time.Time // the latest time that an entry has
	Made        time.Time
}

// level of the block's root in the tree.
func (s Segment) level() int { return bits.TrailingZeros64(uint64(s.Last - s.First + 1)) }

// whole says that a block has a size that is a power of two, and begins where such a block does.
func (s Segment) whole() bool {
	n := s.Last - s.First + 1
	return s.First > 0 && n > 0 && n <= maxBlock && n&(n-1) == 0 && (s.First-1)%n == 0
}

// tree is RFC 6962's, built one entry after the other; it holds the roots of its complete subtrees, largest first.
type tree struct {
	size     int64
	frontier []tlog.Hash
	want     []byte // room that is used again
}

// add takes the next leaf's hash and gives the hashes that it completes: its own, then level 1, 2, ...; they are valid until the next one.
func (t *tree) add(hash tlog.Hash) []byte {
	t.want = append(t.want[:0], hash[:]...)
	t.frontier = append(t.frontier, hash)
	for n := t.size; n&1 == 1; n >>= 1 { // this entry completes a subtree per trailing one
		l := len(t.frontier)
		hash = tlog.NodeHash(t.frontier[l-2], t.frontier[l-1])
		t.frontier = append(t.frontier[:l-2], hash)
		t.want = append(t.want, hash[:]...)
	}
	t.size++
	return t.want
}

// root folds the frontier (RFC 6962 section 2.1).
func (t *tree) root() tlog.Hash {
	if len(t.frontier) == 0 {
		h, _ := tlog.TreeHash(0, nil) // the hash of nothing
		return h
	}
	h := t.frontier[len(t.frontier)-1]
	for i := len(t.frontier) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.frontier[i], h)
	}
	return h
}

// WriteSegment writes a block as an archive: a signed note, then a line for each entry as in an export, compressed. What was altered is not archived: ErrBroken.
func (k *Key) WriteSegment(w io.Writer, records []Record, now time.Time) (Segment, error) {
	if len(records) == 0 {
		return Segment{}, fmt.Errorf("audit: archive: no entries")
	}
	s := Segment{First: records[0].Seq, Last: records[len(records)-1].Seq, Made: now.UTC().Truncate(time.Second)}
	if !s.whole() || s.Last-s.First+1 != int64(len(records)) {
		return s, fmt.Errorf("%w: entries %d to %d are %d, and no block", ErrBroken, s.First, s.Last, len(records))
	}
	var lines bytes.Buffer
	var t tree
	var room []byte
	for i, r := range records {
		var reason string
		if reason, room = checkRecord(r, room); reason == "" && r.Seq != s.First+int64(i) {
			reason = "it is out of order"
		}
		if want := t.add(tlog.RecordHash(r.Leaf)); reason == "" && !bytes.HasPrefix(r.Hashes, want) {
			reason = "its hashes do not fit"
		}
		if reason != "" {
			return s, fmt.Errorf("%w: entry %d is not archived: %s", ErrBroken, r.Seq, reason)
		}
		if r.Entry.Time.After(s.Newest) {
			s.Newest = r.Entry.Time
		}
		appendLine(&lines, r)
	}
	s.Root, s.Newest = t.root(), s.Newest.UTC()
	sum := sha256.Sum256(lines.Bytes())
	text := fmt.Sprintf("%s%s\nentries %d %d\nroot %s\nnewest %s\nmade %s\nsha256 %x\n", k.signer.Name(), segmentTitle, s.First, s.Last, s.Root,
		s.Newest.Format(time.RFC3339Nano), s.Made.Format(time.RFC3339), sum)
	signed, err := note.Sign(&note.Note{Text: text}, k.signer)
	if err != nil {
		return s, fmt.Errorf("audit: sign archive: %w", err)
	}
	z := gzip.NewWriter(w)
	_, err = fmt.Fprintf(z, "%s%d\n%s", segmentHead, len(signed), signed)
	if err == nil {
		_, err = z.Write(lines.Bytes())
	}
	if err = errors.Join(err, z.Close()); err != nil {
		return s, fmt.Errorf("audit: archive: %w", err)
	}
	return s, nil
}

func appendLine(b *bytes.Buffer, r Record) {
	line := base64.StdEncoding.AppendEncode(b.AvailableBuffer(), r.Hashes)
	b.Write(append(append(append(line, ' '), r.Leaf...), '\n'))
}

// ReadSegment reads an archive that is open, checks its signature by the log's public key, each entry by its hashes, and all of them by the root that was
// signed: ErrSegment. take may be nil; what it was given counts for nothing where ReadSegment fails.
func ReadSegment(r io.Reader, public string, take func(Record)) (Segment, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return Segment{}, fmt.Errorf("%w: %w", ErrSegment, err)
	}
	in := bufio.NewReaderSize(z, maxLine+1)
	s, sum, err := readSegmentNote(in, public)
	if err != nil {
		return s, err
	}
	var t tree
	hash := sha256.New()
	for seq := s.First; seq <= s.Last; seq++ {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return s, fmt.Errorf("%w: entry %d is cut off: %w", ErrSegment, seq, err)
		}
		hash.Write(line)
		hashes, leaf, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
		one := Record{Seq: seq, Leaf: bytes.Clone(leaf), Alone: true}
		one.Hashes, _ = base64.StdEncoding.Strict().AppendDecode(nil, hashes) // what does not decode does not fit
		if want := t.add(tlog.RecordHash(one.Leaf)); !bytes.HasPrefix(one.Hashes, want) {
			return s, fmt.Errorf("%w: entry %d was changed", ErrSegment, seq)
		}
		if reason := parseRecord(one); reason != "" {
			return s, fmt.Errorf("%w: entry %d: %s", ErrSegment, seq, reason)
		}
		if take != nil {
			take(one)
		}
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return s, fmt.Errorf("%w: something follows its entries", ErrSegment)
	}
	if t.root() != s.Root || hex.EncodeToString(hash.Sum(nil)) != sum {
		return s, fmt.Errorf("%w: its entries are not those that were signed", ErrSegment)
	}
	return s, nil
}

func readSegmentNote(in *bufio.Reader, public string) (s Segment, sum string, err error) {
	v, err := note.NewVerifier(strings.TrimSpace(public))
	if err != nil {
		return s, "", fmt.Errorf("audit: public key: %w", err)
	}
	head, err := in.ReadSlice('\n')
	length, ok := strings.CutPrefix(strings.TrimSuffix(string(head), "\n"), segmentHead)
	n, err2 := strconv.ParseUint(length, 10, 32)
	if !ok || errors.Join(err, err2) != nil || n > maxNote {
		return s, "", fmt.Errorf("%w: it does not begin as one", ErrSegment)
	}
	signed := make([]byte, n)
	if _, err := io.ReadFull(in, signed); err != nil {
		return s, "", fmt.Errorf("%w: %w", ErrSegment, err)
	}
	opened, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return s, "", fmt.Errorf("%w: %w", ErrSegment, err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 7 || lines[0] != v.Name()+segmentTitle {
		return s, "", fmt.Errorf("%w: signed, but no archive of the log", ErrSegment)
	}
	var root, newest, made string
	for i, field := range []struct {
		form string
		to   []any
	}{{"entries %d %d", []any{&s.First, &s.Last}}, {"root %s", []any{&root}}, {"newest %s", []any{&newest}}, {"made %s", []any{&made}}, {"sha256 %s", []any{&sum}}} {
		if _, err := fmt.Sscanf(lines[i+1], field.form, field.to...); err != nil {
			return s, "", fmt.Errorf("%w: signed, but not readable", ErrSegment)
		}
	}
	var err1, err3 error
	s.Root, err1 = tlog.ParseHash(root)
	s.Newest, err2 = time.Parse(time.RFC3339Nano, newest)
	s.Made, err3 = time.Parse(time.RFC3339, made)
	if errors.Join(err1, err2, err3) != nil || !s.whole() {
		return s, "", fmt.Errorf("%w: signed, but not readable", ErrSegment)
	}
	return s, sum, nil
}
