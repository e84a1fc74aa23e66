package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/apicmd"
)

// TestCommandsOfTheAPI: a department is made, looked at, changed and taken away again on the command line of a switch that runs.
func TestCommandsOfTheAPI(t *testing.T) {
	l := newSignalLab(t, nil, nil)
	t.Setenv(apicmd.Token, l.token("taro", -time.Minute))
	t.Setenv("PBX_URL", l.url(""))
	t.Setenv("PBX_DOMAIN", "pbx.internal")
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, step := range []struct {
		command string
		code    int
		says    string
	}{
		{"put departments zeimu --file " + file("d.yaml", "name: zeimu\n"), 0, "zeimu"},
		{"import extensions " + file("e.csv", "number,display,department\n3101,窓口,zeimu\n3102,係長,zeimu\n") + " --dry-run", 0, "2 created, 0 changed"},
		{"get extensions 3101", 1, "404"},
		{"import extensions " + filepath.Join(dir, "e.csv"), 0, "\n3102\t"},
		{"get extensions --filter department=zeimu", 0, "窓口"},
		{"set extensions 3101 display=総合窓口 max_contacts:=2", 0, "総合窓口"},
		{"set extensions 3101 user=nobody", 1, "body.user"},
		{"set extensions 3101 display=x --if-match 1", 1, "412"},
		{"export extensions --filter display~総合", 0, "3101,総合窓口"},
		{"put extensions 3101 --new --file " + file("e.json", "{}"), 1, "412"},
		{"do new-extension-secret key=3101 --once k1", 0, "secret"},
		{"delete extensions 3102", 0, ""},
		{"get extensions --filter department=zeimu -o json", 0, `"3101"`},
		{"get nothing", 1, "is no kind"},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), strings.Fields(step.command), &out, &errs)
		if code != step.code || !strings.Contains(out.String()+errs.String(), step.says) {
			t.Errorf("pbx %s: %d, want %d with %q\n%s%s", step.command, code, step.code, step.says, out.String(), errs.String())
		}
	}
}
