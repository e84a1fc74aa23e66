package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// ErrNewer says that the database was made by a newer pbx.
var ErrNewer = errors.New("store: database was made by a newer version")

//go:embed migrations
var migrations embed.FS

// schema is a folder of migrations: a version means the same in each.
type schema struct {
	folder  string
	dialect goose.Dialect
}

var (
	schemaSQLite   = schema{"migrations/sqlite", goose.DialectSQLite3}
	schemaPostgres = schema{"migrations/postgres", goose.DialectPostgres}
)

// migrate brings the schema forward; it never goes back.
func migrate(ctx context.Context, db *sql.DB, of schema) error {
	files, err := fs.Sub(migrations, of.folder)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(of.dialect, db, files)
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
