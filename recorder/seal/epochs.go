package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
)

// A domain's keys lie in domains/DOMAIN, numbered:
//
//	0001.identity.age   the identity, sealed to vault and recovery; it is there before anything can be sealed to it
//	0001.recipient      the recipient; the highest number is what is sealed to
//	0001.retired        when and by whose word the identity was taken away; it opens nothing here any more
const (
	domainsName = "domains"
	domainIDExt = ".identity.age"
	retiredExt  = ".retired"
	maxEpoch    = 9999
)

// Errors of rotation; callers use errors.Is.
var (
	ErrDomain  = errors.New("seal: no name of a domain")
	ErrCurrent = errors.New("seal: it is the key that is sealed to now")
)

// Key is one key of a domain.
type Key struct {
	Epoch   int
	Created time.Time
	Retired time.Time // zero: it opens
}

// place is the directory of a domain's keys. The name is one that objects may have too, so a domain that cannot have keys cannot be stored either.
func (f *Files) place(domain string) (string, error) {
	if domain == "" || len(domain) > 253 || domain[0] == '.' || strings.ContainsFunc(domain, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	}) {
		return "", ErrDomain
	}
	return filepath.Join(f.cfg.Dir, domainsName, domain), nil
}

func epochName(epoch int, ext string) string { return fmt.Sprintf("%04d%s", epoch, ext) }

// epochOf reads a file's number and ending.
func epochOf(name string) (epoch int, ext string) {
	if len(name) < 5 || name[4] != '.' {
		return 0, ""
	}
	n, err := strconv.ParseUint(name[:4], 10, 16)
	if err != nil {
		return 0, ""
	}
	return int(n), name[4:]
}

// newest is the key that is sealed to; fs.ErrNotExist: the domain has none.
func (f *Files) newest(domain string) (int, *age.HybridRecipient, error) {
	dir, err := f.place(domain)
	if err != nil {
		return 0, nil, err
	}
	names, err := namesIn(dir)
	if err != nil {
		return 0, nil, err
	}
	best := 0
	for _, n := range names {
		if epoch, ext := epochOf(n); ext == publicExt {
			best = max(best, epoch)
		}
	}
	if best == 0 {
		return 0, nil, fmt.Errorf("seal: %s: %w", domain, fs.ErrNotExist)
	}
	to, err := readRecipient(filepath.Join(dir, epochName(best, publicExt)))
	return best, to, err
}

func namesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("seal: keys: %w", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// Rotate makes the domain's next key: everything that is sealed from now on, by any process, is sealed to it. It needs public keys only, and forgets the
// identity as soon as that is sealed to vault and recovery. It returns the new epoch.
func (f *Files) Rotate(domain string) (int, error) {
	dir, err := f.place(domain)
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, fmt.Errorf("seal: rotate: %w", err)
	}
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return 0, fmt.Errorf("seal: rotate: %w", err)
	}
	sealed, err := sealSmall(identityText(id, f.cfg.Now()), f.vault, f.recovery)
	if err != nil {
		return 0, fmt.Errorf("seal: rotate: %w", err)
	}
	public := fmt.Appendf(nil, "# created: %s\n%s\n", f.cfg.Now().UTC().Format(time.RFC3339), id.Recipient())
	for {
		names, err := namesIn(dir)
		if err != nil {
			return 0, err
		}
		epoch := 1
		for _, n := range names {
			e, _ := epochOf(n)
			epoch = max(epoch, e+1)
		}
		if epoch > maxEpoch {
			return 0, fmt.Errorf("seal: rotate: %s has had %d keys", domain, maxEpoch)
		}
		err = writeNew(filepath.Join(dir, epochName(epoch, domainIDExt)), sealed, 0o600)
		if errors.Is(err, fs.ErrExist) { // another process was faster
			continue
		}
		if err == nil {
			err = writeNew(filepath.Join(dir, epochName(epoch, publicExt)), public, 0o644)
		}
		if err != nil {
			return 0, fmt.Errorf("seal: rotate: %w", err)
		}
		return epoch, syncDir(filepath.Dir(dir))
	}
}

// Domains are those that have keys.
func (f *Files) Domains() ([]string, error) { return namesIn(filepath.Join(f.cfg.Dir, domainsName)) }

// Keys are a domain's, the oldest first.
func (f *Files) Keys(domain string) ([]Key, error) {
	dir, err := f.place(domain)
	if err != nil {
		return nil, err
	}
	names, err := namesIn(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, n := range names { // sorted: .identity.age, .recipient, .retired
		epoch, ext := epochOf(n)
		switch ext {
		case publicExt:
			at, err := dateIn(filepath.Join(dir, n))
			if err != nil {
				return nil, err
			}
			keys = append(keys, Key{Epoch: epoch, Created: at})
		case retiredExt:
			at, err := dateIn(filepath.Join(dir, n))
			if err != nil {
				return nil, err
			}
			if i := len(keys) - 1; i >= 0 && keys[i].Epoch == epoch {
				keys[i].Retired = at
			}
		}
	}
	return keys, nil
}

// dateIn reads the first remark of a file.
func dateIn(path string) (time.Time, error) {
	text, _, err := readBounded(path)
	if err != nil {
		return time.Time{}, fmt.Errorf("seal: keys: %w", err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	_, date, _ := strings.Cut(string(line), ": ")
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(date))
	if err != nil {
		return time.Time{}, fmt.Errorf("seal: %s has no date", path)
	}
	return at, nil
}

// Retire takes an old key away for good: only the recovery opens what was sealed to it and nobody re-wrapped. Whoever calls it has made sure that there
// is nothing like that. ErrCurrent; ErrNoKey: the domain never had it.
func (f *Files) Retire(domain string, epoch int) error {
	current, _, err := f.newest(domain)
	if err != nil {
		return err
	}
	if epoch == current {
		return ErrCurrent
	}
	keys, err := f.Keys(domain)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(keys, func(k Key) bool { return k.Epoch == epoch }) {
		return ErrNoKey
	}
	dir, err := f.place(domain)
	if err != nil {
		return err
	}
	note := fmt.Appendf(nil, "# retired: %s\n", f.cfg.Now().UTC().Format(time.RFC3339))
	if err := writeNew(filepath.Join(dir, epochName(epoch, retiredExt)), note, 0o644); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("seal: retire: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, epochName(epoch, domainIDExt))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("seal: retire: %w", err)
	}
	return syncDir(dir)
}

// opened are the domains' identities, as long as the vault's own may be used. turn is held for a few hundred microseconds of arithmetic.
type opened struct {
	turn chan struct{}
	by   map[string]domainIDs
}

type domainIDs struct {
	names string // of the files they are from
	ids   []age.Identity
}

func (o *opened) init() { o.turn, o.by = make(chan struct{}, 1), map[string]domainIDs{} }

// forget drops them: the vault's identity may not be used any more.
func (o *opened) forget() {
	o.turn <- struct{}{}
	clear(o.by)
	<-o.turn
}

// of opens a domain's identities, the newest first. Those that are retired are not among them.
func (o *opened) of(f *Files, domain string, root age.Identity) ([]age.Identity, error) {
	dir, err := f.place(domain)
	if err != nil {
		return nil, err
	}
	names, err := namesIn(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { _, ext := epochOf(n); return ext != domainIDExt })
	slices.Reverse(names)
	o.turn <- struct{}{}
	defer func() { <-o.turn }()
	key := strings.Join(names, " ")
	if have := o.by[domain]; have.names == key {
		return slices.Clone(have.ids), nil
	}
	var ids []age.Identity
	for _, n := range names {
		id, err := openDomain(filepath.Join(dir, n), root)
		if errors.Is(err, fs.ErrNotExist) { // retired meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	o.by[domain] = domainIDs{key, ids}
	return slices.Clone(ids), nil
}

func openDomain(path string, root age.Identity) (age.Identity, error) {
	sealed, _, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("seal: identity: %w", err)
	}
	text, err := openSmall(sealed, root)
	if err != nil {
		return nil, fmt.Errorf("seal: %s: %w", path, err)
	}
	defer clear(text)
	return parseIdentity(text, path)
}

// Opens says whether what is sealed to the domain from now on can be opened here: whoever rotates wants to know before the first recording.
func (f *Files) Opens(ctx context.Context, domain string) error {
	ids, err := f.Identities(ctx, domain)
	if err != nil {
		return err
	}
	_, to, err := f.Recipients(ctx, domain)
	if err != nil {
		return err
	}
	sealed, err := sealSmall([]byte(domain), to...)
	if err != nil {
		return err
	}
	_, err = openSmall(sealed, ids...)
	return err
}
