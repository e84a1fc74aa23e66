// Command pbx is the switch: main reads flags and signals, wire.go joins the parts, run.go starts and stops them.
// It owns no protocol and no rule of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"naisen/cmd/pbx/internal/apicmd"
)

// commands are what `pbx` can do.
type commands struct {
	Serve serveCmd `cmd:"" help:"Run the switch. Without --config it works on embedded defaults in ./var."`
	Check checkCmd `cmd:"" help:"Check a configuration file and say everything that is wrong with it."`
	Demo  demoCmd  `cmd:"" help:"Run the switch with built-in phones against itself and tell the story."`
	Login loginCmd `cmd:"" help:"Sign in and print an access token for REST."`

	Backup  backupCmd  `cmd:"" help:"Copies of everything but recordings."`
	Restore restoreCmd `cmd:"" help:"Put a copy back into an empty place."`
	Drill   drillCmd   `cmd:"" help:"Show that a copy can be put back: into a scratch switch, which then takes calls."`

	Change changeCmd `cmd:"" help:"Sets of changes, and what was changed past the program."`

	Audit auditCmd `cmd:"" help:"The audit log."`

	BreakGlass breakGlassCmd `cmd:"" help:"The account for the day on which nobody can sign in."`
	Policy     policyCmd     `cmd:"" help:"Who may do what: the table of roles, and the domain's own policies."`

	Vault vaultCmd `cmd:"" help:"Run the vault as a process of its own: the private keys of recordings, and what opens them."`

	apicmd.Commands

	Render renderCmd `cmd:"" hidden:""`

	Recording recordingCmd `cmd:"" help:"The stored recordings."`
	Verify    verifyCmd    `cmd:"" help:"Check an evidence pack, offline: nothing but the pack and a key that you trust is needed."`
}

type configFlag struct {
	Config string `type:"existingfile" help:"YAML configuration; an unknown key is an error." placeholder:"FILE"`
}

type serveCmd struct{ configFlag }

type checkCmd struct {
	Config string `type:"existingfile" required:"" help:"YAML configuration to check." placeholder:"FILE"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: tests call it. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	// Every part of ours is given its logger. What libraries write to the default one is not bounded, and may name what we never log.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("pbx"), kong.Description("Naisen: a cloud PBX with call recording."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(stderr, "pbx:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintln(stderr, "pbx:", err)
		return 2
	}
	k.BindTo(ctx, (*context.Context)(nil))
	k.BindTo(stdout, (*io.Writer)(nil))
	if err := k.Run(); err != nil {
		fmt.Fprintln(stderr, "pbx:", err)
		if own := (*exitError)(nil); errors.As(err, &own) {
			return own.code
		}
		return 1
	}
	return 0
}

// Run implements `pbx check`.
func (c checkCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if config.Storage.Kind == "s3" {
		if err := checkBuckets(ctx, config, out); err != nil {
			return err
		}
	}
	if err := checkApprovals(ctx, config, out); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "ok")
	return err
}
