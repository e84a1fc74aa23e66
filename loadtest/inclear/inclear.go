// Package inclear looks for known audio, and for known secrets, where none may be: in files, and in the memory of a process as a core dump of it would show it. It reads /proc,
// needs the right to do so, and changes nothing; it never knows who wrote what it finds.
package inclear

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"naisen/media/codec/g711"
)

// Each form of audio is looked for by needles of so many samples: 4 ms that no other data has by chance.
const samples = 32

// Form is how audio lies in memory.
type Form string

// The forms.
const (
	MuLaw  Form = "µ-law"
	PCM    Form = "PCM"        // 16 bits, little-endian, one channel
	Stereo Form = "stereo PCM" // the same in one channel of two
)

// Set is audio to be found: frames of µ-law. It keeps two octets of each needle in a table, so that most of what is read costs one look.
type Set struct {
	bytes  map[uint32][]needle // by the first four octets
	pairs  map[uint32][]needle // by the first two samples of one channel
	hasB   [1 << 13]byte       // bits by 16 of their octets
	hasP   [1 << 13]byte
	frames int
}

type needle struct {
	form  Form
	frame int
	text  []byte  // of bytes
	pcm   []int16 // of pairs
}

// NewSet takes frames of at least 96 octets of µ-law. Those that are too even to be told from other data are left out.
func NewSet(frames [][]byte) (*Set, error) {
	s := &Set{bytes: map[uint32][]needle{}, pairs: map[uint32][]needle{}, frames: len(frames)}
	for i, f := range frames {
		if len(f) < 64+samples {
			return nil, fmt.Errorf("inclear: frame of %d octets", len(f))
		}
		law := f[64 : 64+samples]
		if distinct(law) < samples/4 {
			continue
		}
		pcm := g711.DecodeU(nil, law)
		raw := make([]byte, 0, 2*len(pcm))
		for _, v := range pcm {
			raw = binary.LittleEndian.AppendUint16(raw, uint16(v))
		}
		s.add(needle{form: MuLaw, frame: i, text: law})
		s.add(needle{form: PCM, frame: i, text: raw})
		key := uint32(uint16(pcm[0])) | uint32(uint16(pcm[1]))<<16
		s.pairs[key] = append(s.pairs[key], needle{form: Stereo, frame: i, pcm: pcm})
		mark(&s.hasP, key)
	}
	if len(s.pairs) == 0 {
		return nil, errors.New("inclear: nothing that could be told from other data")
	}
	return s, nil
}

// NewTexts looks for texts of 8 to 128 octets as they are; a hit's form is the name of the text.
func NewTexts(texts map[Form]string) (*Set, error) {
	s := &Set{bytes: map[uint32][]needle{}, pairs: map[uint32][]needle{}, frames: len(texts)}
	for name, text := range texts {
		if len(text) < 8 || len(text) > overlap {
			return nil, fmt.Errorf("inclear: %s has %d octets", name, len(text))
		}
		s.add(needle{form: name, text: []byte(text)})
	}
	if len(texts) == 0 {
		return nil, errors.New("inclear: no text")
	}
	return s, nil
}

func distinct(b []byte) int {
	seen := map[byte]bool{}
	for _, v := range b {
		seen[v] = true
	}
	return len(seen)
}

func (s *Set) add(n needle) {
	key := binary.LittleEndian.Uint32(n.text)
	s.bytes[key] = append(s.bytes[key], n)
	mark(&s.hasB, key)
}

func fold(key uint32) uint16 { return uint16(key ^ key>>16*0x9e37) }

func mark(bits *[1 << 13]byte, key uint32) { h := fold(key); bits[h>>3] |= 1 << (h & 7) }

func marked(bits *[1 << 13]byte, key uint32) bool { h := fold(key); return bits[h>>3]>>(h&7)&1 == 1 }

// Found is what a search saw.
type Found struct {
	Bytes int64
	Files int
	Hits  map[Form]int // needles, each once for each place
	Where []string     // the first places
}

// Total of the hits.
func (f Found) Total() (n int) {
	for _, hits := range f.Hits {
		n += hits
	}
	return n
}

const maxWhere = 20

func (f *Found) hit(form Form, where string, at int64) {
	f.Hits[form]++
	if len(f.Where) < maxWhere {
		f.Where = append(f.Where, fmt.Sprintf("%s in %s at %#x", form, where, at))
	}
}

// overlap is how much of one piece is read again with the next: the longest needle.
const overlap = 4 * samples

// scan looks through one piece; base is where it begins, and what lies before skip was looked at.
func (s *Set) scan(b []byte, where string, base int64, f *Found) {
	for i := 0; i+8 <= len(b); i++ {
		key := binary.LittleEndian.Uint32(b[i:])
		if marked(&s.hasB, key) {
			for _, n := range s.bytes[key] {
				if len(b)-i >= len(n.text) && string(b[i:i+len(n.text)]) == string(n.text) {
					f.hit(n.form, where, base+int64(i))
				}
			}
		}
		pair := key&0xffff | binary.LittleEndian.Uint32(b[i+4:])<<16
		if marked(&s.hasP, pair) {
			for _, n := range s.pairs[pair] {
				if strided(b[i:], n.pcm) {
					f.hit(n.form, where, base+int64(i))
				}
			}
		}
	}
}

func strided(b []byte, pcm []int16) bool {
	if len(b) < 4*len(pcm)-2 {
		return false
	}
	for i, v := range pcm {
		if int16(binary.LittleEndian.Uint16(b[4*i:])) != v {
			return false
		}
	}
	return true
}

// Files looks through every file below a directory. Files that go meanwhile are no error.
func (s *Set) Files(dir string) (Found, error) {
	f := Found{Hits: map[Form]int{}}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		f.Files++
		f.Bytes += int64(len(text))
		s.scan(text, path, 0, &f)
		return err
	})
	return f, err
}

// Process looks through all memory of a process that it could have written to and that is present. Stop it before, if it shall hold still.
func (s *Set) Process(pid int) (Found, error) {
	f := Found{Hits: map[Form]int{}}
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return f, fmt.Errorf("inclear: %w", err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return f, fmt.Errorf("inclear: %w", err)
	}
	defer mem.Close()
	pages, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		return f, fmt.Errorf("inclear: %w", err)
	}
	defer pages.Close()
	for line := range strings.Lines(string(maps)) {
		from, to, ok := region(line)
		if !ok {
			continue
		}
		if err := s.region(mem, pages, from, to, strings.TrimSpace(line), &f); err != nil {
			return f, err
		}
	}
	if f.Bytes == 0 {
		return f, errors.New("inclear: no memory of the process could be read")
	}
	return f, nil
}

// region reads a line of /proc/PID/maps; false: what cannot be read, or was never written to.
func region(line string) (from, to int64, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 5 || !strings.HasPrefix(fields[1], "rw") || strings.HasPrefix(fields[len(fields)-1], "[v") {
		return 0, 0, false
	}
	a, b, _ := strings.Cut(fields[0], "-")
	from, err1 := strconv.ParseInt(a, 16, 64)
	to, err2 := strconv.ParseInt(b, 16, 64)
	return from, to, err1 == nil && err2 == nil
}

const (
	pageSize = 4096
	piece    = 1 << 20
)

// region looks through the present pages of one, joined where they lie together.
func (s *Set) region(mem, pages *os.File, from, to int64, where string, f *Found) error {
	entries := make([]byte, (to-from)/pageSize*8)
	if n, err := pages.ReadAt(entries, from/pageSize*8); err != nil && err != io.EOF || n < len(entries) {
		return fmt.Errorf("inclear: pagemap of %s: %w", where, errors.Join(err, io.ErrUnexpectedEOF))
	}
	var run []byte // bytes that lie together
	var base int64
	end := func() {
		s.scan(run, where, base, f)
		run = run[:0]
	}
	for i := int64(0); i < (to-from)/pageSize; i++ {
		if binary.LittleEndian.Uint64(entries[8*i:])>>62 == 0 { // neither present nor swapped
			end()
			continue
		}
		at := from + i*pageSize
		if len(run) == 0 {
			base = at
		}
		n := len(run)
		run = append(run, make([]byte, pageSize)...)
		if _, err := mem.ReadAt(run[n:], at); err != nil { // unmapped meanwhile
			run = run[:n]
			end()
			continue
		}
		f.Bytes += pageSize
		if len(run) >= piece {
			s.scan(run, where, base, f)
			keep := copy(run, run[len(run)-overlap:])
			base += int64(len(run) - keep)
			run = run[:keep]
		}
	}
	end()
	return nil
}
