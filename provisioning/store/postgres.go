package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"golang.org/x/sys/unix"
)

// Postgres says where a PostgreSQL (13 or newer) is that several nodes share.
type Postgres struct {
	URL      string                 // see CheckURL
	Password func() (string, error) // asked for each connection, so that it can be changed; nil: none
	CA       *x509.CertPool         // who may vouch for the server; nil: whom this machine trusts, and no TLS to an address of this machine
	Late     time.Duration          // how long a transaction may wait for its connection and its turn; 0: 10 s
	Silent   time.Duration          // how long a statement may have no answer; 0: twice Late, and 5 s at least
}

const (
	pgWriters    = 4 // connections that write: one has the turn, bindings and tokens need none
	pgLate       = 10 * time.Second
	pgConnect    = 5 * time.Second
	pgChannel    = "naisen_change" // on which nodes tell each other that the feed has grown
	pgMoved      = "naisen_moved"  // and whose bindings have changed
	pgOldest     = 130000          // server_version_num: xid8
	pgMigrations = 0x6e616973656e  // advisory lock: one node migrates
)

// CheckURL says what is wrong with the URL of a PostgreSQL: "postgres://naisen@db.example.jp:5432/naisen", or with a socket of this machine
// "postgres://naisen@/naisen?host=/run/postgresql". It holds no password.
func CheckURL(text string) error {
	_, err := parseURL(text)
	return err
}

type place struct {
	host, user, database string
	port                 uint16
}

func parseURL(text string) (p place, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return p, errors.New("store: is no URL") // the error of url would repeat it, with what may be a password
	}
	p = place{host: u.Hostname(), user: u.User.Username(), database: strings.TrimPrefix(u.Path, "/"), port: 5432}
	query := u.Query()
	if socket := query.Get("host"); strings.HasPrefix(socket, "/") && p.host == "" {
		p.host = socket
		query.Del("host")
	}
	if _, has := u.User.Password(); has {
		return p, errors.New("store: a password stands in a file or the environment, never in the URL")
	}
	if n := u.Port(); n != "" {
		port, err := strconv.ParseUint(n, 10, 16)
		if err != nil || port == 0 {
			return p, errors.New("store: the URL has no good port")
		}
		p.port = uint16(port)
	}
	switch {
	case u.Scheme != "postgres" && u.Scheme != "postgresql":
		return p, errors.New(`store: the URL must begin with "postgres://"`)
	case p.host == "" || strings.Contains(p.host, ","):
		return p, errors.New("store: the URL must name one host")
	case p.user == "" || p.database == "" || strings.Contains(p.database, "/"):
		return p, errors.New("store: the URL must name a user and a database")
	case len(query) > 0 || u.Fragment != "":
		return p, errors.New("store: the URL has parameters that mean nothing here")
	}
	return p, nil
}

// here: on this machine, where nobody listens in between.
func (p place) here() bool {
	addr, err := netip.ParseAddr(p.host)
	return strings.HasPrefix(p.host, "/") || p.host == "localhost" || err == nil && addr.IsLoopback()
}

// settings of a connection. What the environment says to other programs of PostgreSQL means nothing here.
func (p Postgres) settings() (*pgx.ConnConfig, error) {
	at, err := parseURL(p.URL)
	if err != nil {
		return nil, err
	}
	c, err := pgx.ParseConfig("postgres://naisen@localhost:5432/naisen?sslmode=disable") // it makes a Config only of text
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	c.Host, c.Port, c.User, c.Password, c.Database = at.host, at.port, at.user, "", at.database
	c.Fallbacks, c.ValidateConnect, c.TLSConfig = nil, nil, nil
	if !at.here() || p.CA != nil {
		c.TLSConfig = &tls.Config{ServerName: at.host, RootCAs: p.CA, MinVersion: tls.VersionTLS12}
	}
	c.ConnectTimeout = pgConnect
	c.DialFunc = dialer(p.late()).DialContext
	c.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // bun writes values into the text, so no statement comes twice
	c.StatementCacheCapacity, c.DescriptionCacheCapacity = 0, 0
	c.RuntimeParams = map[string]string{
		"application_name": "naisen", "client_encoding": "UTF8", "timezone": "UTC",
		"standard_conforming_strings":         "on", // bun quotes by it
		"lock_timeout":                        strconv.FormatInt(p.late().Milliseconds(), 10),
		"idle_in_transaction_session_timeout": "60000", // a node that is stopped, not dead, does not keep the turn
	}
	return c, nil
}

// dialer of connections whose other end is noticed to be gone.
func dialer(late time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout:         pgConnect,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control: func(network, _ string, c syscall.RawConn) error {
			if !strings.HasPrefix(network, "tcp") {
				return nil
			}
			var failed error
			err := c.Control(func(fd uintptr) {
				failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(late.Milliseconds()))
			})
			return errors.Join(err, failed)
		},
	}
}

func (p Postgres) late() time.Duration {
	if p.Late > 0 {
		return p.Late
	}
	return pgLate
}

// silent is longer than a writer may wait for its turn, which is a statement too.
func (p Postgres) silent() time.Duration {
	if p.Silent > 0 {
		return p.Silent
	}
	return max(2*p.late(), 5*time.Second)
}

func (p Postgres) authenticate(c *pgx.ConnConfig) (err error) {
	if p.Password != nil {
		c.Password, err = p.Password()
	}
	return err
}

// pool of connections.
func (p Postgres) pool(c *pgx.ConnConfig, conns int) *sql.DB {
	db := stdlib.OpenDB(*c, stdlib.OptionBeforeConnect(func(_ context.Context, c *pgx.ConnConfig) error { return p.authenticate(c) }))
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db
}

func (s *Store) openPostgres(ctx context.Context) error {
	settings, err := s.cfg.Postgres.settings()
	if err != nil {
		return err
	}
	first := s.cfg.Postgres.pool(settings, 2) // a migration takes the time that it takes
	err = checkServer(ctx, first)
	if err == nil {
		err = migratePostgres(ctx, first)
	}
	if err := errors.Join(err, first.Close()); err != nil {
		return err
	}
	s.listen = startListener(ctx, s, settings.Copy()) // it waits as long as nothing happens
	settings.DialFunc = dialPatient(s.cfg.Postgres.late(), s.cfg.Postgres.silent())
	s.writer = bun.NewDB(s.cfg.Postgres.pool(settings, pgWriters), pgdialect.New())
	s.reader = bun.NewDB(s.cfg.Postgres.pool(settings, s.cfg.Readers), pgdialect.New())
	return nil
}

// checkServer refuses a server that would keep something else than it is given.
func checkServer(ctx context.Context, db *sql.DB) error {
	var number, encoding string
	if err := db.QueryRowContext(ctx, "SELECT current_setting('server_version_num'), current_setting('server_encoding')").Scan(&number, &encoding); err != nil {
		return err
	}
	if n, err := strconv.Atoi(number); err != nil || n < pgOldest {
		return fmt.Errorf("PostgreSQL %s is too old: 13 is the oldest that will do", number)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database is in %s: it must be in UTF8", encoding)
	}
	return nil
}

// migratePostgres brings the schema forward; of several nodes one does.
func migratePostgres(ctx context.Context, db *sql.DB) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // the session ends, and its lock and setting with it
		_ = conn.Close()
	}()
	if _, err := conn.ExecContext(ctx, "SET lock_timeout = 0"); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock("+strconv.Itoa(pgMigrations)+")"); err != nil {
		return err
	}
	return migrate(ctx, db, schemaPostgres)
}

// unavailable: the database cannot be reached, or cannot do it now. Nothing of it was done, and it may be tried again.
func unavailable(err error) bool {
	var refused *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case err == nil:
		return false
	case errors.As(err, &connect), errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone): // also where its own time was up
		return true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case pgconn.SafeToRetry(err):
		return true
	case errors.As(err, &refused):
		switch refused.Code {
		case "40001", "40P01", // serialisation, deadlock
			"55P03", "25P03", "25006": // somebody has the turn for too long, this one had it, a standby
			return true
		}
		return strings.HasPrefix(refused.Code, "08") || strings.HasPrefix(refused.Code, "53") || strings.HasPrefix(refused.Code, "57P")
	}
	return errors.As(err, &network) || broken(err)
}
