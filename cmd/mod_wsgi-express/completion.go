package main

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"text/template"

	"modwsgi/expressgen"
	"modwsgi/internal/hint"
	"modwsgi/internal/words"
	"modwsgi/matrix/plan"
)

// completer is completion.
type completer struct {
	Shell string `arg:"" optional:"" help:"The shell: bash, fish or zsh."`
}

func (c *completer) Run(a *app) error {
	if a.bad != nil {
		return a.bad
	}
	text, ok := completions()[c.Shell]
	if !ok {
		return hint.Exit(hint.New(fmt.Errorf("no completion for %q", c.Shell), "bash, fish and zsh are known: "+tool+" completion bash"), hint.Usage)
	}
	t, err := template.New("").Funcs(template.FuncMap{"sh": words.Quote, "join": strings.Join, "has": slices.Contains[[]string]}).Parse(text)
	if err != nil {
		return err
	}
	return t.Execute(os.Stdout, completionData())
}

// completed is a command with what can follow it.
type completed struct {
	Name, Help string
	Verbs      []completedVerb // of the matrix, what its first word can be
	Options    []completedOption
}

// completedVerb is a verb with the words that can follow it; none: files.
type completedVerb struct {
	Name  string
	Words []string
}

type completedOption struct {
	Name, Help string
	Of         []string
	Takes      bool     // a value
	Verbs      []string // with which it has an effect; none: the command has no verbs
}

// completionData is what all shells are told: each command's options, but for
// names of other releases.
func completionData() []completed {
	helps := commandHelps()
	var out []completed
	for _, c := range commands {
		d := completed{Name: c.name, Help: firstSentence(helps[c.name])}
		for _, o := range c.grammar().options {
			if o.Hidden || o.refusal != "" {
				continue
			}
			d.Options = append(d.Options, completedOption{"--" + o.Name, firstSentence(o.Help), o.Of, o.Words > 0, nil})
		}
		if c.name == "matrix" {
			d.Verbs = completedVerbs()
			eachFlag(matrixCommand{}, func(f reflect.StructField, _ reflect.Value) {
				for i := range d.Options {
					if d.Options[i].Name == "--"+expressgen.FlagName(f) {
						d.Options[i].Verbs = verbsOf(f.Tag.Get("opt"))
					}
				}
			})
		}
		out = append(out, d)
	}
	return out
}

// completedVerbs are those of the matrix; who chooses cells may name a mode.
func completedVerbs() (list []completedVerb) {
	for _, v := range matrixVerbs {
		words := plan.Modes()
		if !slices.Contains(verbsOf("cells"), v.name) {
			words = nil
		}
		list = append(list, completedVerb{v.name, words})
	}
	return list
}

// firstSentence is text up to its first full stop.
func firstSentence(text string) string {
	first, _, _ := strings.Cut(text, ". ")
	return strings.TrimSuffix(first, ".")
}

// completions are the scripts. Values that are not known are files.
func completions() map[string]string {
	return map[string]string{
		"bash": `# eval "$(mod_wsgi-express completion bash)"
_mod_wsgi_express() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} list=
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W '{{range .}}{{.Name}} {{end}}' -- "$word"))
        return
    fi
    case ${COMP_WORDS[1]}:$before in
{{- range $c := .}}{{range .Options}}{{if .Of}}
    {{$c.Name}}:{{.Name}}) list={{sh (join .Of " ")}} ;;
{{- end}}{{end}}{{end}}
    esac
    case $word:$before in
    -*:* | *:-*) ;;
    *)
        case ${COMP_WORDS[1]}:$COMP_CWORD:${COMP_WORDS[2]} in
{{- range $c := .}}{{if .Verbs}}
        {{.Name}}:2:*) list='{{range .Verbs}}{{.Name}} {{end}}' ;;
{{- range .Verbs}}{{if .Words}}
        {{$c.Name}}:*:{{.Name}}) list={{sh (join .Words " ")}} ;;
{{- end}}{{end}}{{end}}{{end}}
        esac
        ;;
    esac
    if [ -n "$list" ]; then
        COMPREPLY=($(compgen -W "$list" -- "$word"))
        return
    fi
    case $word in
    -*)
        case ${COMP_WORDS[1]}:${COMP_WORDS[2]} in
{{- range $c := .}}{{range $v := .Verbs}}
        {{$c.Name}}:{{.Name}}) list='{{range $c.Options}}{{if has .Verbs $v.Name}}{{.Name}} {{end}}{{end}}' ;;
{{- end}}{{end}}
        *) case ${COMP_WORDS[1]} in
{{- range .}}{{if .Options}}
        {{.Name}}) list='{{range .Options}}{{.Name}} {{end}}' ;;
{{- end}}{{end}}
        esac ;;
        esac
        COMPREPLY=($(compgen -W "$list --help" -- "$word"))
        ;;
    esac
}
complete -o default -F _mod_wsgi_express mod_wsgi-express
`,
		"zsh": `#compdef mod_wsgi-express
# eval "$(mod_wsgi-express completion zsh)"
_mod_wsgi_express() {
    local -a list
    if (( CURRENT == 2 )); then
        list=(
{{- range .}}
            {{sh (printf "%s:%s" .Name .Help)}}
{{- end}}
        )
        _describe command list
        return
    fi
    case $words[2]:$words[CURRENT-1] in
{{- range $c := .}}{{range .Options}}{{if .Of}}
    {{$c.Name}}:{{.Name}}) compadd -- {{join .Of " "}}; return ;;
{{- end}}{{end}}{{end}}
    esac
    if [[ $words[CURRENT] != -* ]]; then
        if [[ $words[CURRENT-1] != -* ]]; then
            case $words[2]:$CURRENT:$words[3] in
{{- range $c := .}}{{if .Verbs}}
            {{.Name}}:3:*) compadd --{{range .Verbs}} {{.Name}}{{end}}; return ;;
{{- range .Verbs}}{{if .Words}}
            {{$c.Name}}:*:{{.Name}}) compadd -- {{join .Words " "}}; return ;;
{{- end}}{{end}}{{end}}{{end}}
            esac
        fi
        _files
        return
    fi
    case $words[2]:$words[3] in
{{- range $c := .}}{{range $v := .Verbs}}
    {{$c.Name}}:{{.Name}}) compadd --{{range $c.Options}}{{if has .Verbs $v.Name}} {{.Name}}{{end}}{{end}}; return ;;
{{- end}}{{end}}
    esac
    case $words[2] in
{{- range .}}{{if .Options}}
    {{.Name}}) list=(
{{- range .Options}}
        {{sh (printf "%s:%s" .Name .Help)}}
{{- end}}
        ) ;;
{{- end}}{{end}}
    esac
    _describe option list
}
compdef _mod_wsgi_express mod_wsgi-express
`,
		"fish": `# mod_wsgi-express completion fish | source
complete -c mod_wsgi-express -n __fish_use_subcommand -f
{{- range .}}
complete -c mod_wsgi-express -n __fish_use_subcommand -a {{.Name}} -d {{sh .Help}}
{{- end}}
{{- range $c := .}}{{if .Verbs}}
complete -c mod_wsgi-express -n '__fish_seen_subcommand_from {{.Name}}; and not __fish_seen_subcommand_from{{range .Verbs}} {{.Name}}{{end}}' -f -a '{{range .Verbs}}{{.Name}} {{end}}'
{{- range .Verbs}}{{if .Words}}
complete -c mod_wsgi-express -n '__fish_seen_subcommand_from {{$c.Name}}; and __fish_seen_subcommand_from {{.Name}}' -a {{sh (join .Words " ")}}
{{- end}}{{end}}{{end}}{{range .Options}}
complete -c mod_wsgi-express -n '__fish_seen_subcommand_from {{$c.Name}}{{with .Verbs}}; and __fish_seen_subcommand_from {{join . " "}}{{end}}' -l {{slice .Name 2}}{{if .Takes}} -r{{end}}{{with .Of}} -f -a {{sh (join . " ")}}{{end}} -d {{sh .Help}}
{{- end}}{{end}}
`,
	}
}
