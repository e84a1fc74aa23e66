// Command report measures the switch from outside and prints one markdown report: `make load`.
//
//	go run ./loadtest/report            # all figures, three runs each: about 25 minutes
//	go run ./loadtest/report -short     # one small run each, to see that it works: about five minutes
//	go run ./loadtest/report -only 'setup|media'
//
// It builds the switch, starts it as a process of its own on one core and uses another one for the generator (callgen for media, package
// bulk for signalling). It judges nothing by a test's pass or fail: figures of a shared machine are noise enough to read, not to gate.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// section is one part of the report.
type section struct {
	name, title, method string
	measure             func(context.Context, *lab) (*table, error)
	beside              bool // runs beside the section after it: it counts memory, which neighbours do not change
}

var sections = []section{
	{"setup", "Set-up time added by the switch", setupMethod, measureSetup, false},
	{"signalling", "Processor time of signalling", signallingMethod, measureSignalling, false},
	{"waking", "Calls to softphones that sleep", wakingMethod, measureWaking, false},
	{"rates", "Sustained rates", ratesMethod, measureRates, false},
	{"delay", "Set-up time at half load", delayMethod, measureDelay, false},
	{"ward", "A ward's busy hour, in real time", wardMethod, measureWard, false},
	{"media", "Media, beside rtpengine", mediaMethod, measureMedia, false},
	{"transcoding", "Transcoding, beside rtpengine", transcodingMethod, measureTranscoding, false},
	{"mixing", "Processor time of conferences", mixingMethod, measureMixing, false},
	{"vault-rendering", "Recordings: rendering and marked copies", vaultRenderMethod, alone(measureRendering), false},
	{"vault-search", "Recordings: search among a million", vaultSearchMethod, alone(measureSearch), false},
	{"vault-hang-ups", "Recordings: 50 hang-ups a second", vaultCallsMethod, alone(measureHangUps), false},
	{"api", "Reading and writing by the API", apiMethod, alone(measureAPI), false},
	{"provisioning", "Files of users and extensions", provisioningMethod, alone(measureProvisioning), false},
	{"audit-search", "Audit log: search", auditSearchMethod, alone(measureAuditSearch), false},
	{"registrations", "Memory of a registration", registrationsMethod, measureRegistrations, true},
	{"calls", "Memory of a held call", callsMethod, measureCalls, false},
}

// names of the sections, in order: each can be run alone.
func names() string {
	var out []string
	for _, s := range sections {
		out = append(out, s.name)
	}
	return strings.Join(out, ", ")
}

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("report", flag.ContinueOnError)
	short := f.Bool("short", false, "one small run of each figure")
	runs := f.Int("runs", 3, "runs of each figure")
	only := f.String("only", "", "regular expression: which sections of "+names())
	nice := f.Int("nice", 0, "niceness of switch and generator, -20 to 19; below 0 needs root and keeps the neighbours' noise out")
	rows := f.Int("audit", 1_000_000, "entries of the section audit-search")
	out := f.String("out", filepath.Join("build", "load.md"), "file that the report is written to as well")
	if err := f.Parse(args); err != nil {
		return err
	}
	pick, err := regexp.Compile(*only)
	if err != nil || *runs < 1 || *runs > 20 || *nice < -20 || *nice > 19 {
		return errors.Join(errors.New("report: -only is a regular expression, -runs 1 to 20, -nice -20 to 19"), err)
	}
	if *short {
		*runs = 1
	}
	l, err := newLab(ctx, *runs, *short, *nice)
	if err != nil {
		return err
	}
	defer l.close()
	l.auditRows = *rows
	var text strings.Builder
	say := func(format string, args ...any) {
		fmt.Printf(format, args...)
		fmt.Fprintf(&text, format, args...)
	}
	say("# Load report\n\n%s\n\n%s\n", l.machine(ctx), l.method())
	var chosen []section
	for _, s := range sections {
		if pick.MatchString(s.name) {
			chosen = append(chosen, s)
		}
	}
	failed := measureAll(ctx, l, chosen, say)
	if err := os.MkdirAll(filepath.Dir(*out), 0o755); err != nil {
		return err
	}
	return errors.Join(failed, os.WriteFile(*out, []byte(text.String()), 0o644))
}

// measureAll runs the sections in order and says what each brought; one that runs beside the next one is told before it.
func measureAll(ctx context.Context, l *lab, list []section, say func(string, ...any)) (failed error) {
	var waiting []func()
	for i, s := range list {
		if ctx.Err() != nil {
			break
		}
		before, done := loadAverage(), make(chan struct{})
		var t *table
		var err error
		var took time.Duration
		go func() {
			defer close(done)
			began := time.Now()
			t, err = s.measure(ctx, l)
			took = time.Since(began)
		}()
		waiting = append(waiting, func() {
			<-done
			say("\n## %s\n\n%s\n", s.title, s.method)
			if t != nil {
				say("\n%s\nLoad average %s before, %s after; %v.\n", t, before, loadAverage(), took.Round(time.Second))
			}
			if err != nil {
				say("\nFailed: %v\n", err)
				failed = errors.Join(failed, fmt.Errorf("%s: %w", s.name, err))
			}
		})
		if s.beside && i < len(list)-1 {
			continue
		}
		for _, tell := range waiting {
			tell()
		}
		waiting = nil
	}
	for _, tell := range waiting { // cancelled
		tell()
	}
	return failed
}
