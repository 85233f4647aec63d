package csrc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"modwsgi/apxs"
	"modwsgi/internal/hint"
	"modwsgi/internal/run"
	"modwsgi/internal/words"
)

// Profile says whose flags optimise and harden a build (rule C-4). Words that
// the headers of Apache and Python depend on are passed in each.
type Profile string

const (
	ProfileDefault Profile = "default" // ours, as far as the compiler knows them
	ProfileDistro  Profile = "distro"  // CPPFLAGS, CFLAGS and LDFLAGS of the environment, and nothing else
	ProfileApxs    Profile = "apxs"    // those that Apache was built with, besides what every build has
)

// Builder says who runs compiler and linker for the module (rule C-10).
type Builder string

const (
	BuilderDirect Builder = "direct" // this program
	BuilderApxs   Builder = "apxs"   // apxs -c, for comparison
)

// ParseProfile reads a profile's name; "" is the default.
func ParseProfile(name string) (Profile, error) {
	return oneOf("profile", name, ProfileDefault, ProfileDistro, ProfileApxs)
}

// ParseBuilder reads a builder's name; "" is direct.
func ParseBuilder(name string) (Builder, error) {
	return oneOf("builder", name, BuilderDirect, BuilderApxs)
}

// oneOf is name if it is one of known, the first of which stands for "".
func oneOf[T ~string](what, name string, known ...T) (T, error) {
	if name == "" {
		return known[0], nil
	}
	var all []string
	for _, k := range known {
		if string(k) == name {
			return k, nil
		}
		all = append(all, string(k))
	}
	return "", hint.Exit(fmt.Errorf("there is no %s %q: it is one of %s", what, name, strings.Join(all, ", ")), hint.Usage)
}

// origin is where flags of others came from, with what may be taken from it.
type origin struct {
	name string // "CFLAGS of the environment"
	text string
	link bool // it is a linker's
}

// flagNames are the variables of each profile.
var flagNames = map[Profile][]struct {
	name string
	link bool
}{
	ProfileDistro: {{"CPPFLAGS", false}, {"CFLAGS", false}, {"LDFLAGS", true}},
	ProfileApxs: {
		{"CFLAGS", false}, {"EXTRA_CFLAGS", false}, {"NOTEST_CFLAGS", false}, {"SHLTCFLAGS", false},
		{"LDFLAGS", true}, {"SH_LDFLAGS", true}, {"NOTEST_LDFLAGS", true},
	},
}

// origins reads the flags that a profile takes over. Of the default there are
// none.
func origins(ctx context.Context, r *run.Runner, p Profile, apache *apxs.Info) ([]origin, error) {
	var list []origin
	for _, v := range flagNames[p] {
		o := origin{name: v.name + " of the environment", text: r.Getenv(v.name), link: v.link}
		if p == ProfileApxs {
			var err error
			if o, err = askApxs(ctx, r, apache, v.name); err != nil {
				return nil, err
			}
			o.link = v.link
		}
		if strings.TrimSpace(o.text) != "" {
			list = append(list, o)
		}
	}
	return list, nil
}

// askApxs asks for one variable. An answer with exit status 1 is one all the
// same, and a variable that apxs does not know is empty (rule A-4).
func askApxs(ctx context.Context, r *run.Runner, apache *apxs.Info, name string) (origin, error) {
	o := origin{name: name + " of apxs"}
	if apache == nil || apache.Apxs == "" {
		return o, hint.Exit(hint.New(errors.New("the profile apxs takes its flags from apxs, and there is none"),
			"name one (APXS=/path/to/apxs), or build with another profile"), hint.Usage)
	}
	res, err := r.Run(ctx, run.Cmd{Path: apache.Apxs, Args: []string{"-q", name}})
	o.text = strings.TrimSpace(res.Stdout)
	if err != nil && o.text == "" && !strings.Contains(res.Stderr, "Invalid query string") {
		return o, fmt.Errorf("asking apxs for its flags: %w", err)
	}
	return o, nil
}

// split gives the words of o, an option that takes the next word joined with it
// by a blank of its own.
func (o origin) split() ([][]string, error) {
	list, err := words.Split(o.text)
	if err != nil {
		return nil, hint.Exit(fmt.Errorf("reading %s (%s): %w", o.name, o.text, err), hint.Usage)
	}
	return groups(list), nil
}
