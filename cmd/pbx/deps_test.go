package main_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "naisen"

// folders is who may import whom between the top folders (ARCHITECTURE.md, imports).
var folders = map[string][]string{
	"cmd/pbx":      {"sip", "media", "recorder", "prompts", "provisioning"},
	"sip":          {},
	"media":        {},
	"provisioning": {},
	"recorder":     {"media"},
	"prompts":      {"media"},
	"loadtest":     {"sip", "media", "recorder", "provisioning"}, // recorder and provisioning: to fill what is measured (decision 111)
}

// layers is who may import whom inside cmd/pbx/internal.
var layers = map[string][]string{
	"cmd/pbx/internal/acme":    {},
	"cmd/pbx/internal/backup":  {},
	"cmd/pbx/internal/app":     {"cmd/pbx/internal/call", "cmd/pbx/internal/queue", "cmd/pbx/internal/route"},
	"cmd/pbx/internal/call":    {"cmd/pbx/internal/route"},
	"cmd/pbx/internal/demo":    {}, // it looks from outside
	"cmd/pbx/internal/limit":   {},
	"cmd/pbx/internal/mirror":  {},
	"cmd/pbx/internal/nodes":   {},
	"cmd/pbx/internal/pack":    {},
	"cmd/pbx/internal/queue":   {},
	"cmd/pbx/internal/health":  {"cmd/pbx/internal/route"},
	"cmd/pbx/internal/route":   {},
	"cmd/pbx/internal/apicmd":  {}, // it looks from outside
	"cmd/pbx/internal/rs":      {"cmd/pbx/internal/call"},
	"cmd/pbx/internal/spans":   {},
	"cmd/pbx/internal/trace":   {},
	"cmd/pbx/internal/vuln":    {},
	"cmd/pbx/internal/webhook": {},
}

// leaves are packages that only the wire files may know.
var leaves = []string{"provisioning/rest", "provisioning/console", "provisioning/scim", "recorder/playback", "recorder/objstore/s3"}

// everywhere stands for any package.
const everywhere = "*"

// libraries is every module outside the standard library, by prefix, and the packages that may import it. A protocol or storage library has
// one; two only where two folders each keep a database of their own.
var libraries = map[string][]string{
	"github.com/emiago/sipgo":              {"sip/stack"},
	"github.com/coder/websocket":           {"sip/stack"},
	"github.com/miekg/dns":                 {"sip/resolve"},
	"github.com/pion/srtp":                 {"media/secure"},
	"github.com/pion/rtp":                  {"media/secure"},              // srtp takes its header type, to parse it once
	"github.com/pion/rtcp":                 {"media/rtp", "media/secure"}, // likewise
	"github.com/pion/dtls":                 {"media/secure"},
	"github.com/pion/turn":                 {"media/turn"},
	"github.com/pion/logging":              {"media/turn"}, // to keep it silent
	"github.com/gotranspile/g722":          {"media/codec/g722"},
	"github.com/thesyncim/gopus":           {"media/codec/opus"},
	"github.com/minio/minio-go":            {"recorder/objstore/s3"},
	"filippo.io/age":                       {"recorder/seal"},
	"github.com/miekg/pkcs11":              {"recorder/seal/hsm"}, // with the tag pkcs11 only
	"github.com/uptrace/bun":               {"provisioning/store", "recorder/catalogue"},
	"github.com/pressly/goose":             {"provisioning/store", "recorder/catalogue"},
	"modernc.org/sqlite":                   {"provisioning/store", "recorder/catalogue"},
	"github.com/jackc/pgx":                 {"provisioning/store"},
	"github.com/zitadel/oidc":              {"provisioning/identity"},
	"github.com/go-jose/go-jose":           {"provisioning/identity"},
	"github.com/go-json-experiment/json":   {"provisioning/identity"},
	"github.com/go-webauthn/webauthn":      {"provisioning/identity"},
	"github.com/skip2/go-qrcode":           {"provisioning/qr"},
	"github.com/cedar-policy/cedar-go":     {"provisioning/policy"},
	"golang.org/x/oauth2":                  {"provisioning/identity"},
	"golang.org/x/crypto/acme":             {"cmd/pbx/internal/acme"},
	"golang.org/x/crypto/argon2":           {"provisioning/identity"},
	"golang.org/x/crypto/chacha20poly1305": {"provisioning/secret"},
	"golang.org/x/mod/sumdb":               {"provisioning/audit"},
	"golang.org/x/net/html":                {"provisioning/identity"},
	"golang.org/x/text/language":           {"provisioning/identity", "provisioning/rest"},
	"golang.org/x/text/unicode/norm":       {"provisioning/book"},
	"golang.org/x/text/width":              {"cmd/pbx/internal/apicmd"},
	"golang.org/x/text/encoding":           {"provisioning/table", "provisioning/book"}, // book: to write files for its test
	"github.com/danielgtaylor/huma":        {"provisioning/rest"},
	"github.com/alecthomas/kong":           {"cmd/pbx", "cmd/pbx/internal/apicmd"},
	"github.com/goccy/go-yaml":             {"cmd/pbx", "provisioning/rest"}, // the configuration, and bodies
	"github.com/prometheus/client_golang":  {"cmd/pbx"},
	"go.opentelemetry.io":                  {"cmd/pbx/internal/spans"},
	"golang.org/x/time/rate":               {everywhere},
	"golang.org/x/sys/unix":                {everywhere},
}

// testLibraries are more for tests and test packages only.
var testLibraries = map[string][]string{
	"go.uber.org/goleak":   {everywhere},
	"github.com/miekg/dns": {"sip/resolve/resolvetest"},
	"pgregory.net/rapid":   {everywhere},
	"github.com/pion/sdp":  {"media/sdp"}, // a second parser to compare with
	"github.com/pion/rtp":  {"media/rtp"},

	"google.golang.org/protobuf": {"cmd/pbx/internal/spans"}, // what a collector gets

	"github.com/makiuchi-d/gozxing": {"provisioning/qr", "cmd/pbx"}, // a reader of another make
}

// pure packages decide; they touch no I/O.
var pure = []string{"cmd/pbx/internal/limit", "cmd/pbx/internal/route", "provisioning/policy", "media/sdp", "sip", "sip/multipart", "sip/number", "sip/redact", "sip/siprec"}

var impure = []string{"os", "os/exec", "net", "net/http", "database/sql", "io/fs", "syscall"}

// drawers are folder names under which anything can hide.
var drawers = []string{"util", "utils", "common", "helper", "helpers", "types", "pkg", "misc", "shared", "lib", "base", "core"}

// source is one Go file of the tree.
type source struct {
	path string // slash-separated, from the module's root
	text []byte
	fset *token.FileSet
	file *ast.File
}

func (s source) dir() string { return path.Dir(s.path) }

// isTest: test files, and packages whose only use is in tests.
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") || isTestPackage(s.dir()) }

func isTestPackage(dir string) bool {
	return strings.HasSuffix(path.Base(dir), "test") && !strings.HasPrefix(dir, "loadtest") || path.Base(dir) == "s3server"
}

func (s source) at(p token.Pos) string { return fmt.Sprintf("%s:%d", s.path, s.fset.Position(p).Line) }

func parse(t *testing.T, name string, text []byte) source {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return source{name, text, fset, f}
}

// tree reads every Go file itself: what `go list` prints is served from the test cache, and a new violation would pass.
func tree(t *testing.T) []source {
	t.Helper()
	root := os.DirFS(filepath.Join("..", ".."))
	var out []source
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"var", "build", "testdata"}, d.Name())):
			return fs.SkipDir
		case d.IsDir() || path.Ext(p) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, p)
		if err == nil {
			out = append(out, parse(t, p, text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestImports(t *testing.T) {
	files := tree(t)
	if len(files) < 100 {
		t.Fatalf("only %d files found: wrong root?", len(files))
	}
	for _, f := range files {
		for _, complaint := range checkImports(f) {
			t.Error(complaint)
		}
	}
}

func checkImports(s source) (complaints []string) {
	complain := func(format string, args ...any) {
		complaints = append(complaints, s.path+": "+fmt.Sprintf(format, args...))
	}
	from := topFolder(s.dir())
	if _, known := folders[from]; !known {
		complain("%q is no folder of the import table", from)
		return complaints
	}
	for _, part := range strings.Split(s.dir(), "/") {
		if slices.Contains(drawers, part) {
			complain("a folder called %q says nothing", part)
		}
	}
	for _, imp := range s.file.Imports {
		name := strings.Trim(imp.Path.Value, `"`)
		switch first, _, _ := strings.Cut(name, "/"); {
		case name == module || strings.HasPrefix(name, module+"/"):
			checkOwn(s, from, strings.TrimPrefix(name, module+"/"), complain)
		case strings.Contains(first, "."):
			checkLibrary(s, name, complain)
		case slices.Contains(pure, s.dir()) && !s.isTest() && slices.Contains(impure, name):
			complain("%s is pure, but imports %q", s.dir(), name)
		}
	}
	return complaints
}

func topFolder(dir string) string {
	if dir == "cmd/pbx" || strings.HasPrefix(dir, "cmd/pbx/") {
		return "cmd/pbx"
	}
	top, _, _ := strings.Cut(dir, "/")
	return top
}

func checkOwn(s source, from, target string, complain func(string, ...any)) {
	dir := s.dir()
	if target == dir { // an external test package
		return
	}
	if to := topFolder(target); to != from && !slices.Contains(folders[from], to) {
		complain("%s must not import %s", from, target)
	}
	if slices.Contains(leaves, target) && dir != "cmd/pbx" {
		complain("%s is a leaf: only cmd/pbx imports it", target)
	}
	if dir == from && from != "cmd/pbx" && strings.HasPrefix(target, from+"/") && !s.isTest() {
		complain("a folder's root package never imports what is below it: %s", target)
	}
	if allowed, ok := layers[dir]; ok && strings.HasPrefix(target, "cmd/pbx/internal/") && !slices.Contains(allowed, target) {
		complain("%s must not import %s", dir, target)
	}
	if isTestPackage(target) && !s.isTest() && from != "loadtest" {
		complain("%s is for tests only", target)
	}
}

func checkLibrary(s source, name string, complain func(string, ...any)) {
	allowed, known := importers(libraries, name)
	if s.isTest() {
		more, also := importers(testLibraries, name)
		allowed, known = append(slices.Clone(allowed), more...), known || also
	}
	if !known {
		complain("%s stands in no table: add it with the one package that needs it, and a decision", name)
	} else if !slices.Contains(allowed, everywhere) && !slices.Contains(allowed, s.dir()) {
		complain("%s is for %s only", name, strings.Join(allowed, ", "))
	}
}

// importers of a package: those of the longest prefix that the table has of it, since a map has no order.
func importers(table map[string][]string, name string) (dirs []string, known bool) {
	longest := ""
	for prefix, of := range table {
		if (name == prefix || strings.HasPrefix(name, prefix+"/")) && len(prefix) >= len(longest) {
			longest, dirs, known = prefix, of, true
		}
	}
	return dirs, known
}

// Each rule is broken once here, so that it is known to bite.
func TestImportRulesBite(t *testing.T) {
	for _, c := range []struct{ file, imports, want string }{
		{"sip/auth/a.go", "naisen/sip naisen/sip/stack crypto/md5", ""},
		{"sip/auth/a.go", "naisen/media", "sip must not import media"},
		{"media/relay/a.go", "naisen/recorder", "media must not import recorder"},
		{"provisioning/rest/a.go", "naisen/cmd/pbx/internal/call", "provisioning must not import cmd/pbx/internal/call"},
		{"recorder/capture/a.go", "naisen/media/rtp", ""},
		{"recorder/capture/a.go", "naisen/provisioning", "recorder must not import provisioning"},
		{"loadtest/callgen/a.go", "naisen/prompts", "loadtest must not import prompts"},
		{"sip/sip.go", "naisen/sip/stack", "never imports what is below it"},
		{"sip/sip_test.go", "naisen/sip/stack", ""},
		{"cmd/pbx/wire.go", "naisen/provisioning/rest naisen/recorder/objstore/s3", ""},
		{"cmd/pbx/internal/app/a.go", "naisen/provisioning/rest", "is a leaf"},
		{"recorder/pipeline/a.go", "naisen/recorder/objstore/s3", "is a leaf"},
		{"cmd/pbx/internal/call/a.go", "naisen/cmd/pbx/internal/app", "must not import cmd/pbx/internal/app"},
		{"cmd/pbx/internal/route/a.go", "naisen/cmd/pbx/internal/call", "must not import cmd/pbx/internal/call"},
		{"cmd/pbx/internal/route/a.go", "net/http", "is pure"},
		{"cmd/pbx/internal/route/a_test.go", "os", ""},
		{"sip/dialog/a.go", "naisen/sip/siptest", "for tests only"},
		{"sip/dialog/a_test.go", "naisen/sip/siptest", ""},
		{"sip/dialog/a.go", "github.com/emiago/sipgo/sip", "for sip/stack only"},
		{"sip/stack/a.go", "github.com/emiago/sipgo/sip", ""},
		{"media/relay/a.go", "github.com/pion/srtp/v3", "for media/secure only"},
		{"sip/stack/a.go", "github.com/stranger/library", "stands in no table"},
		{"media/sdp/a.go", "github.com/pion/sdp/v3", "stands in no table"},
		{"media/sdp/a_test.go", "github.com/pion/sdp/v3", ""},
		{"sip/stack/a.go", "go.uber.org/goleak", "stands in no table"},
		{"sip/util/a.go", "", `called "util" says nothing`},
		{"internal/a.go", "", "is no folder of the import table"},
	} {
		var text bytes.Buffer
		fmt.Fprintln(&text, "package p")
		for _, i := range strings.Fields(c.imports) {
			fmt.Fprintf(&text, "import _ %q\n", i)
		}
		got := strings.Join(checkImports(parse(t, c.file, text.Bytes())), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s importing %q: %q, want %q", c.file, c.imports, got, c.want)
		}
	}
}
