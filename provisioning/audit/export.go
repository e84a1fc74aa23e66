package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// exportHead begins an export; the number of entries follows. Each entry is then a line: its hashes in base64, a space, its leaf.
const exportHead = "naisen audit export v1 "

const maxLine = maxLeaf + 4096 // an entry completes at most 63 hashes

// Export writes the log as text that Verify can read without the database.
func Export(ctx context.Context, log Log, w io.Writer) error {
	size, err := log.AuditSize(ctx)
	if err != nil {
		return fmt.Errorf("audit: export: %w", err)
	}
	if short, ok := log.(Shortened); ok {
		if archived, err := short.AuditArchived(ctx); err != nil || archived > 0 {
			return errors.Join(err, fmt.Errorf("audit: export: the first %d entries are in archives: an export is whole, or it proves nothing", archived))
		}
	}
	out := bufio.NewWriterSize(w, 256<<10)
	fmt.Fprintf(out, "%s%d\n", exportHead, size)
	for done := int64(0); done < size; {
		records, err := log.AuditRecords(ctx, done, int(min(verifyPage, size-done)))
		if err != nil {
			return fmt.Errorf("audit: export: %w", err)
		}
		if len(records) == 0 {
			return fmt.Errorf("%w: entry %d is missing", ErrBroken, done+1)
		}
		for _, r := range records {
			line := base64.StdEncoding.AppendEncode(out.AvailableBuffer(), r.Hashes)
			line = append(append(append(line, ' '), r.Leaf...), '\n')
			if _, err := out.Write(line); err != nil {
				return fmt.Errorf("audit: export: %w", err)
			}
		}
		done = records[len(records)-1].Seq
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("audit: export: %w", err)
	}
	return nil
}

// Exported is an export as a Log. It keeps where each page begins, and reads from the file when it is asked.
type Exported struct {
	file  io.ReaderAt
	size  int64   // entries, as the head says
	lines int64   // entries, as they were counted
	pages []int64 // where every verifyPage-th line begins
	end   int64   // of the file
}

// OpenExport looks through an export once. The file must not change while it is read.
func OpenExport(file io.ReaderAt, length int64) (*Exported, error) {
	x := &Exported{file: file, end: length}
	in := bufio.NewReaderSize(io.NewSectionReader(file, 0, length), 1<<20)
	head, err := in.ReadString('\n')
	if err != nil || !strings.HasPrefix(head, exportHead) {
		return nil, fmt.Errorf("audit: this is no export of an audit log")
	}
	if x.size, err = strconv.ParseInt(strings.TrimSpace(head[len(exportHead):]), 10, 64); err != nil || x.size < 0 {
		return nil, fmt.Errorf("audit: the export does not say how many entries it has")
	}
	at := int64(len(head))
	for {
		n, err := skipLine(in)
		if n == 0 && err == io.EOF {
			return x, nil
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("audit: export: %w", err)
		}
		if n > maxLine {
			return nil, fmt.Errorf("audit: export: entry %d is longer than an entry can be", x.lines+1)
		}
		if x.lines%verifyPage == 0 {
			x.pages = append(x.pages, at)
		}
		x.lines++
		at += n
	}
}

// skipLine counts the octets of a line with its end.
func skipLine(in *bufio.Reader) (n int64, err error) {
	for {
		part, err := in.ReadSlice('\n')
		n += int64(len(part))
		if err != bufio.ErrBufferFull {
			return n, err
		}
	}
}

// AuditSize implements Log.
func (x *Exported) AuditSize(context.Context) (int64, error) { return x.size, nil }

// AuditRecords implements Log.
func (x *Exported) AuditRecords(_ context.Context, after int64, limit int) ([]Record, error) {
	if after >= x.lines || after < 0 {
		return nil, nil
	}
	from := x.pages[after/verifyPage]
	in := bufio.NewReaderSize(io.NewSectionReader(x.file, from, x.end-from), 64<<10)
	for range after % verifyPage {
		if _, err := skipLine(in); err != nil {
			return nil, fmt.Errorf("audit: export: %w", err)
		}
	}
	out := make([]Record, 0, min(int64(limit), x.lines-after))
	for seq := after + 1; len(out) < cap(out); seq++ {
		line, err := in.ReadBytes('\n')
		if err != nil && (err != io.EOF || len(line) == 0) {
			return nil, fmt.Errorf("audit: export: %w", err)
		}
		hashes, leaf, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
		r := Record{Seq: seq, Leaf: leaf, Alone: true}
		r.Hashes, _ = base64.StdEncoding.Strict().AppendDecode(nil, hashes) // what does not decode does not fit: Verify says so
		out = append(out, r)
	}
	return out, nil
}
