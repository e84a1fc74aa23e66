package evidence

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"
)

// A pack is a ZIP file (PKWARE APPNOTE 6.3) of the plainest kind: members stored as they are, each with its size and CRC before it, then the directory, then
// the end; no times, no attributes, no comments, nothing between. So there is exactly one file for given members, and the reader accepts that one file
// alone: what another program would overlook (data between or behind members, a second directory, a name twice, a member that unpacks to more
// than it is) cannot be there.

const (
	localSig     = 0x04034b50
	directorySig = 0x02014b50
	endSig       = 0x06054b50

	localSize     = 30
	directorySize = 46
	endSize       = 22

	zipVersion = 10      // 1.0: stored members need no more
	zipFlags   = 1 << 11 // names are UTF-8
	zipDate    = 0x21    // 1 January 1980, the first that there is

	maxMembers = 300
	maxPack    = math.MaxUint32
)

// ErrTooLarge says that a recording is too long: a pack of this kind ends at 4 GiB.
var ErrTooLarge = errors.New("evidence: a pack cannot be larger than 4 GiB")

// member is one file in the pack.
type member struct {
	name string
	size int64
	crc  uint32
	at   int64 // of its first octet
}

func (m member) local() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(make([]byte, 0, localSize+len(m.name)), localSig)
	b = m.common(b)
	b = le.AppendUint16(b, uint16(len(m.name)))
	b = le.AppendUint16(b, 0) // extra field
	return append(b, m.name...)
}

// common is what the header of a member and its line in the directory share.
func (m member) common(b []byte) []byte {
	le := binary.LittleEndian
	for _, v := range []uint16{zipVersion, zipFlags, 0 /* stored */, 0 /* midnight */, zipDate} {
		b = le.AppendUint16(b, v)
	}
	for _, v := range []uint32{m.crc, uint32(m.size), uint32(m.size)} {
		b = le.AppendUint32(b, v)
	}
	return b
}

func (m member) line() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(make([]byte, 0, directorySize+len(m.name)), directorySig)
	b = le.AppendUint16(b, zipVersion) // made by
	b = m.common(b)
	b = le.AppendUint16(b, uint16(len(m.name)))
	b = append(b, make([]byte, 2+2+2+2+4)...) // extra, comment, disk, attributes
	b = le.AppendUint32(b, uint32(m.at-localSize-int64(len(m.name))))
	return append(b, m.name...)
}

// tail is the directory and the end of a pack.
func tail(members []member) []byte {
	le := binary.LittleEndian
	at := int64(0)
	var b []byte
	for _, m := range members {
		b = append(b, m.line()...)
		at = m.at + m.size
	}
	size := len(b)
	b = le.AppendUint32(b, endSig)
	b = append(b, 0, 0, 0, 0) // disks
	b = le.AppendUint16(b, uint16(len(members)))
	b = le.AppendUint16(b, uint16(len(members)))
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(at))
	return append(b, 0, 0) // comment
}

// lay gives members their places and says how large the pack is.
func lay(members []member) (int64, error) {
	at := int64(0)
	for i := range members {
		m := &members[i]
		m.at = at + localSize + int64(len(m.name))
		at = m.at + m.size
		if m.size > maxPack || at > maxPack {
			return 0, ErrTooLarge
		}
	}
	at += int64(len(tail(members)))
	if at > maxPack {
		return 0, ErrTooLarge
	}
	return at, nil
}

// broken is a fault of the container.
type broken struct{ file, en, ja string }

func (e *broken) Error() string { return "evidence: " + e.file + ": " + e.en }

// readZIP finds the members of a pack, from its first octet on: it never looks for anything. *broken says what is not as it must be; any
// other error is of the file.
func readZIP(r io.ReaderAt, size int64) ([]member, error) {
	if size > maxPack {
		return nil, &broken{"ZIP", "is larger than a pack can be", "証拠パックの上限より大きいファイルです"}
	}
	var all []member
	seen := map[string]bool{}
	for at := int64(0); ; {
		m, more, err := readMember(r, size, at)
		if err != nil {
			return nil, err
		}
		if !more {
			return all, readTail(r, size, at, all)
		}
		switch {
		case !known(m.name):
			return nil, &broken{"ZIP", fmt.Sprintf("holds a file that does not belong into a pack: %.60q", m.name), fmt.Sprintf("証拠パックにあるはずのないファイルがあります: %.60q", m.name)}
		case seen[m.name]:
			return nil, &broken{m.name, "is there twice", "同じ名前のファイルが二つあります"}
		case len(all) == maxMembers:
			return nil, &broken{"ZIP", "holds too many files", "ファイルが多すぎます"}
		case m.size > bound(m.name):
			return nil, &broken{m.name, "is larger than it can be", "あり得ない大きさです"}
		}
		seen[m.name] = true
		all = append(all, m)
		at = m.at + m.size
	}
}

func readMember(r io.ReaderAt, size, at int64) (m member, more bool, err error) {
	torn := &broken{"ZIP", fmt.Sprintf("is cut off or altered at byte %d", at), fmt.Sprintf("%d バイト目で途切れているか、書き換えられています", at)}
	head := make([]byte, localSize)
	if at+4 > size {
		return m, false, torn
	}
	n, err := r.ReadAt(head, at)
	if err != nil && err != io.EOF {
		return m, false, err
	}
	if n >= 4 && binary.LittleEndian.Uint32(head) == directorySig {
		return m, false, nil
	}
	if n < localSize {
		return m, false, torn
	}
	length := int(binary.LittleEndian.Uint16(head[26:]))
	m = member{crc: binary.LittleEndian.Uint32(head[14:]), size: int64(binary.LittleEndian.Uint32(head[18:])), at: at + localSize + int64(length)}
	if length > 100 || m.at+m.size > size {
		return m, false, torn
	}
	name := make([]byte, length)
	if _, err := r.ReadAt(name, at+localSize); err != nil {
		return m, false, torn
	}
	m.name = string(name)
	if !bytes.Equal(m.local(), append(head, name...)) {
		return m, false, &broken{"ZIP", fmt.Sprintf("has a header at byte %d that no pack has", at), fmt.Sprintf("%d バイト目の見出しが証拠パックのものではありません", at)}
	}
	return m, true, nil
}

func readTail(r io.ReaderAt, size, at int64, all []member) error {
	want := tail(all)
	if size-at != int64(len(want)) {
		return &broken{"ZIP", fmt.Sprintf("has a directory of %d bytes, not of %d: something was added or cut off", size-at, len(want)),
			fmt.Sprintf("目録部分が %d バイトです（正しくは %d バイト）。追加または切り取りがあります", size-at, len(want))}
	}
	got := make([]byte, len(want))
	if _, err := r.ReadAt(got, at); err != nil && err != io.EOF {
		return err
	}
	for i := range want {
		if got[i] != want[i] {
			return &broken{"ZIP", fmt.Sprintf("has another directory than its files, at byte %d", at+int64(i)), fmt.Sprintf("目録が中身と一致しません（%d バイト目）", at+int64(i))}
		}
	}
	return nil
}

// known are the names that a pack can have: no folders, nothing else.
func known(name string) bool { return bound(name) > 0 }

// bound is how large a member can be; 0: there is none of that name.
func bound(name string) int64 {
	switch name {
	case readmeText, readmePage, manifestOf, receiptName, indexName:
		return 1 << 20
	case logName:
		return 64 << 20
	case sigName, keyName:
		return 1 << 10
	case audioName:
		return maxPack
	}
	if n := strings.TrimSuffix(strings.TrimPrefix(name, "track-"), ".wav"); len(n) == 2 && len(name) == len("track-00.wav") && strings.Trim(n, "0123456789") == "" &&
		strings.HasPrefix(name, "track-") && strings.HasSuffix(name, ".wav") && n != "00" {
		return maxPack
	}
	return 0
}

// crcWriter counts and sums what goes through.
type crcWriter struct {
	n   int64
	crc uint32
}

func (c *crcWriter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	c.crc = crc32.Update(c.crc, crc32.IEEETable, p)
	return len(p), nil
}
