package matrix

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// memberRule is what the members of a struct that keeps settings must be part of.
type memberRule struct {
	of, header string
	file, from string   // where: from this text to the end of its braces
	types      []string // of the members it holds for; none: all
	want       string   // a regular expression for each, %s is its name
	not        []string // members it does not hold for
}

// memberRules are about creation, and the way of settings to each process.
var memberRules = []memberRule{
	{of: "wsgi_dir_config", header: "wsgi_config.h", file: "wsgi_config.c", from: "void *wsgi_config_create_dir(", types: numbers, want: `\bc->%s = -1;`},
	{of: "wsgi_server_config", header: "wsgi_config.h", file: "wsgi_config.c", from: "void *wsgi_config_create_server(", want: `\bc->%s = `},
	{of: "wsgi_server_config", header: "wsgi_config.h", file: "wsgi_config.c", from: "void *wsgi_config_create_server(", types: numbers, want: `\bc->%s = -1;`},
	{of: "wsgi_global", header: "wsgi_config.h", file: "wsgi_config.c", from: "static wsgi_global *global_of(", types: numbers, want: `\bglobal->%s = -1;`,
		not: []string{"python_needed"}}, // no setting
	{of: "wsgi_settings", header: "wsgi_settings.h", file: "wsgi_settings.c", from: "void wsgi_settings_init(", types: numbers, want: `\bs->%s = [^;]*-1;`},
	{of: "wsgi_settings", header: "wsgi_settings.h", file: "wsgi_settings.c", from: "void wsgi_settings_encode(", want: `\bs->%s\b`},
	{of: "wsgi_settings", header: "wsgi_settings.h", file: "wsgi_settings.c", from: "int wsgi_settings_decode(", want: `\bout->%s\b`,
		not: []string{"warnings", "nwarnings", "scopes", "nscopes"}}, // lists have functions of their own
	{of: "wsgi_scope", header: "wsgi_settings.h", file: "wsgi_settings.c", from: "size_t flags[] = {", types: []string{"int"}, want: `offsetof\(wsgi_scope, %s\)`},
	{of: "wsgi_scope", header: "wsgi_settings.h", file: "wsgi_settings.c", from: "void wsgi_scope_init(", types: []string{"int64_t"}, want: `\bs->%s = -1;`},
	{of: "wsgi_scope", header: "wsgi_settings.h", file: "wsgi_settings.c", from: "static void encode_scope(", types: []string{"char *", "int64_t"}, want: `\bs->%s\b`},
	{of: "wsgi_scope", header: "wsgi_settings.h", file: "wsgi_settings.c", from: "static int decode_scope(", types: []string{"char *", "int64_t"}, want: `\bout->%s\b`},
}

var numbers = []string{"int", "int64_t"}

// member is one of a struct.
type member struct{ kind, name string }

// membersOf reads the members of a struct in a header.
func membersOf(t *testing.T, header, name string) (members []member) {
	t.Helper()
	text := source(t, header)
	end := strings.Index(text, "} "+name+";")
	if end < 0 {
		t.Fatalf("%s has no %s", header, name)
	}
	_, text, _ = strings.Cut(text[strings.LastIndex(text[:end], "typedef struct"):end], "{")
	text = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(text, "")
	for decl := range strings.SplitSeq(text, ";") {
		names := strings.Split(strings.Join(strings.Fields(decl), " "), ", ")
		at := strings.LastIndexAny(names[0], " *") + 1
		kind := strings.TrimSpace(names[0][:at])
		names[0] = names[0][at:]
		for _, n := range names {
			if n = strings.TrimLeft(n, "*"); n != "" {
				members = append(members, member{kind, n})
			}
		}
	}
	if len(members) < 3 {
		t.Fatalf("%s of %s: %v", name, header, members)
	}
	return members
}

// bodyFrom is the source from a text to the end of its braces.
func bodyFrom(t *testing.T, file, from string) string {
	t.Helper()
	_, text, ok := strings.Cut(source(t, file), from)
	text, _, end := strings.Cut(text, "\n}")
	if !ok || !end {
		t.Fatalf("%s has no %s", file, from)
	}
	return text
}

// TestSettingsAreCreated: each member that keeps what a directive says begins
// unset, and is part of what a process is told.
func TestSettingsAreCreated(t *testing.T) {
	for _, rule := range memberRules {
		held, body := 0, bodyFrom(t, rule.file, rule.from)
		for _, m := range membersOf(t, rule.header, rule.of) {
			if len(rule.types) > 0 && !slices.Contains(rule.types, m.kind) || slices.Contains(rule.not, m.name) {
				continue
			}
			held++
			if !regexp.MustCompile(fmt.Sprintf(rule.want, m.name)).MatchString(body) {
				t.Errorf("%s of %s is not in %s…) as %s", m.name, rule.of, rule.from, rule.want)
			}
		}
		if held == 0 {
			t.Errorf("no member of %s is of %q", rule.of, rule.types)
		}
	}
}

// TestSettingsAreMerged: each member is handed down, what is set further in before
// what is set further out. It holds too for what no client can see.
func TestSettingsAreMerged(t *testing.T) {
	for of, s := range map[string]struct {
		from string
		one  string // member that there is one of for the whole configuration
	}{
		"wsgi_dir_config":    {from: "void *wsgi_config_merge_dir("},
		"wsgi_server_config": {from: "void *wsgi_config_merge_server(", one: "global"},
	} {
		members := membersOf(t, "wsgi_config.h", of)
		merged := map[string]bool{s.one: true}
		reference := regexp.MustCompile(`\b([abc])->(\w+)`)
		for statement := range strings.SplitSeq(bodyFrom(t, "wsgi_config.c", s.from), ";") {
			found := reference.FindAllStringSubmatch(statement, -1)
			to := slices.IndexFunc(found, func(m []string) bool { return m[1] == "c" })
			if to < 0 || found[to][2] == s.one {
				continue
			}
			name, order := found[to][2], ""
			for _, m := range found {
				if m[2] != name {
					t.Errorf("%s: %s is merged from %s", of, name, m[2])
				}
				if m[1] != "c" {
					order += m[1]
				}
			}
			if !strings.HasPrefix(order, "a") || !strings.HasSuffix(order, "b") {
				t.Errorf("%s: %s is merged from %q, want the nearer first and the base last", of, name, order)
			}
			merged[name] = true
		}
		for _, m := range members {
			if !merged[m.name] {
				t.Errorf("%s: %s is not in the merge", of, m.name)
			}
		}
	}
}
