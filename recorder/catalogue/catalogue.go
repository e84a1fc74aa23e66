// Package catalogue says which recordings there are: who, when, which call, in which state, under which object name.
// It owns its own tables and can be rebuilt from the sealed manifests. It holds no audio and no key, and never decides who may see a row.
package catalogue

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // driver "sqlite"

	"naisen/recorder"
	"naisen/recorder/objstore"
)

// Row is one recording. Fields of later states are zero before.
type Row struct {
	ID, Domain, Call  string
	Number            string // whose policy made it
	Groups            []string
	Cases             []recorder.CaseNumber // in the order of their numbers
	Direction, Policy string
	Started, Ended    time.Time
	Duration          time.Duration
	State             recorder.State
	Interrupted       bool
	Why, Format       string
	Parties           []recorder.Party
	Object            string // name of the sealed audio; ManifestName(Object) lies beside it
	SealedBytes       int64
	SealedSHA256      string
	AudioBytes        int64
	Dropped, Lost     int64
	Label             recorder.Label // never empty
	RetainUntil       time.Time      // zero: no rule yet
	Problem           string         // why it failed
	Changed           time.Time
	Epoch             int       // of the domain's key that opens it; 0: the vault's own
	Heard             time.Time // by whom a message is for; zero: new
	Remarks           int       // number of the newest object with what people decided about it; 0: there is none
	RemarksDue        int       // changes of that which are in no object yet

	Held        time.Time // since when nobody may destroy it; zero: it is not held
	HoldBy      string
	HoldReason  string
	Approved    time.Time // when its destruction was agreed to; zero: it was not
	ApprovedBy  string
	Certificate string // of its destruction, which has begun; empty: it has not

	place int64
}

// Catalogue is the table in an SQLite file. Safe for concurrent use.
type Catalogue struct {
	write, read *bun.DB
	ready       [statements]*sql.Stmt
	now         func() time.Time
	words       Words
}

//go:embed migrations
var migrations embed.FS

// ErrNewer says that the file was made by a newer version of this program.
var ErrNewer = errors.New("catalogue: made by a newer version")

// Open opens or makes the file and brings its schema forward. now: nil is time.Now.
func Open(ctx context.Context, path string, now func() time.Time) (*Catalogue, error) {
	return OpenWith(ctx, path, now, Words{})
}

// OpenWith is Open for a catalogue that is searched in people's spellings.
func OpenWith(ctx context.Context, path string, now func() time.Time, words Words) (*Catalogue, error) {
	if now == nil {
		now = time.Now
	}
	c, err := open(ctx, path, now, words)
	if err != nil {
		return nil, fmt.Errorf("catalogue: open %s: %w", path, err)
	}
	return c, nil
}

func open(ctx context.Context, path string, now func() time.Time, words Words) (*Catalogue, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite's -wal and -shm take the mode over
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// One writer, so that SQLite's own lock is never waited for within the process; readers go on beside it (WAL).
	writer, err := connect(path, 1, "_txlock=immediate&_pragma=cache_size(-32768)") // KiB: what a large transaction touches of a dozen indexes
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, writer); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	reader, err := connect(path, 4, "_pragma=query_only(1)&_pragma=cache_size(-8192)")
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	c := &Catalogue{write: bun.NewDB(writer, sqlitedialect.New()), read: bun.NewDB(reader, sqlitedialect.New()), now: now, words: words}
	if err = c.prepare(ctx); err == nil {
		err = c.enterAll(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func connect(path string, conns int, extra string) (*sql.DB, error) {
	dsn := (&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String() +
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=trusted_schema(0)&" + extra
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return err
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; have > newest {
		return fmt.Errorf("%w: schema %d, this one knows %d", ErrNewer, have, newest)
	}
	_, err = p.Up(ctx)
	return err
}

// Close closes the file.
func (c *Catalogue) Close() error { return errors.Join(c.write.Close(), c.read.Close()) }

// ObjectName is where the sealed audio of a case is stored.
func ObjectName(c recorder.Case) string {
	return fmt.Sprintf("%s/%s/%s%s", c.Domain, c.Started.UTC().Format("2006/01/02"), c.ID, audioExt)
}

// ManifestName is where the sealed manifest lies that belongs to an object.
func ManifestName(object string) string {
	return object[:len(object)-len(audioExt)] + manifestExt
}

// TrackName is where a track of that number lies that belongs to an object.
func TrackName(object string, number int) string {
	return trackPrefix(object) + fmt.Sprintf("%02d", number) + audioExt
}

func trackPrefix(object string) string { return strings.TrimSuffix(object, audioExt) + trackExt }

// ObjectOf is the object to which something that is stored belongs: the audio itself, a track, the manifest, or what came
// beside it later; empty: to none.
func ObjectOf(name string) string {
	if object, _ := wrapOf(name); object != "" {
		return object
	}
	if object, _ := numbered(name, remarksMark, audioExt); object != "" {
		return object
	}
	base, ok := strings.CutSuffix(name, audioExt)
	if !ok {
		return ""
	}
	base = strings.TrimSuffix(base, strings.TrimSuffix(manifestExt, audioExt))
	if i := strings.LastIndex(base, trackExt); i >= 0 && len(base) == i+len(trackExt)+2 {
		base = base[:i]
	}
	return base + audioExt
}

// Objects are the names of everything that is stored of a recording: its audio, its tracks, its wraps, what people decided and, last, its
// manifest. What is done to one of them is done to all.
func Objects(ctx context.Context, store objstore.Store, object string) ([]string, error) {
	names, manifest := []string{object}, ManifestName(object)
	err := store.List(ctx, strings.TrimSuffix(object, audioExt)+".", func(i objstore.Info) error {
		if i.Name != object && i.Name != manifest && ObjectOf(i.Name) == object { // a recording's id may begin with another's
			names = append(names, i.Name)
		}
		return nil
	})
	return append(names, manifest), err
}

const (
	audioExt    = ".age"
	manifestExt = ".manifest.age"
	trackExt    = ".track-"
)
