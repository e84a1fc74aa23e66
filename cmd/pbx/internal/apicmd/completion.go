package apicmd

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"naisen/provisioning/client"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run implements `pbx completion`: the words are those of this program, so a script of another version may lack some.
func (c completionCmd) Run(app *kong.Kong, out io.Writer) error {
	var commands []string
	for _, n := range app.Model.Children {
		if !n.Hidden {
			commands = append(commands, n.Name)
		}
	}
	slices.Sort(commands)
	words := wordsOf(client.Operations())
	if c.Shell == "fish" {
		return fish(out, commands, words)
	}
	if c.Shell == "zsh" {
		fmt.Fprintln(out, "autoload -U +X bashcompinit && bashcompinit")
	}
	fmt.Fprintf(out, "_pbx() {\n\tlocal words=\n\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\twords=%q\n\telif [ \"$COMP_CWORD\" = 2 ]; then\n\t\tcase ${COMP_WORDS[1]} in\n", strings.Join(commands, " "))
	for _, w := range words {
		fmt.Fprintf(out, "\t\t%s) words=%q ;;\n", w.command, strings.Join(w.words, " "))
	}
	_, err := fmt.Fprint(out, "\t\tesac\n\tfi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F _pbx pbx\n")
	return err
}

func fish(out io.Writer, commands []string, words []second) error {
	fmt.Fprintf(out, "complete -c pbx -n __fish_use_subcommand -f -a %q\n", strings.Join(commands, " "))
	for _, w := range words {
		if _, err := fmt.Fprintf(out, "complete -c pbx -n '__fish_seen_subcommand_from %s' -a %q\n", w.command, strings.Join(w.words, " ")); err != nil {
			return err
		}
	}
	return nil
}

// second is what may stand behind a command.
type second struct {
	command string
	words   []string
}

func wordsOf(all []client.Operation) []second {
	const domain = "/v1/domains/{domain}/"
	var ids []string
	for _, o := range all {
		ids = append(ids, o.ID)
	}
	return []second{
		{"get", kindsOf(all, http.MethodGet, domain+"KIND")}, {"set", kindsOf(all, http.MethodPatch, domain+"KIND/{key}")}, {"put", kindsOf(all, http.MethodPut, domain+"KIND/{key}")},
		{"delete", kindsOf(all, http.MethodDelete, domain+"KIND/{key}")}, {"import", kindsOf(all, http.MethodPost, domain+"imports/KIND")},
		{"export", kindsOf(all, http.MethodGet, domain+"exports/KIND")}, {"do", ids},
	}
}
