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
	p, err := provider(ctx, db, of)
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// migrateTo makes the tables of a version: ErrNewer, or an error that names the version where there was none such.
func migrateTo(ctx context.Context, db *sql.DB, of schema, version int64) error {
	p, err := provider(ctx, db, of)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	switch newest := sources[len(sources)-1].Version; {
	case version > newest:
		return fmt.Errorf("%w: schema %d, this one knows %d", ErrNewer, version, newest)
	case version < sources[0].Version:
		return fmt.Errorf("%w: there is no schema %d, the first is %d", ErrDump, version, sources[0].Version)
	}
	_, err = p.UpTo(ctx, version)
	return err
}

// provider of the migrations for a database that is not newer than they are.
func provider(ctx context.Context, db *sql.DB, of schema) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, of.folder)
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(of.dialect, db, files)
	if err != nil {
		return nil, err
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return nil, err
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; have > newest {
		return nil, fmt.Errorf("%w: schema %d, this one knows %d", ErrNewer, have, newest)
	}
	return p, nil
}
