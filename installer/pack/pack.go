package pack

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"modwsgi/internal/hint"
)

// Formats are what can be packed, in the order of people's questions.
func Formats() []string {
	var list []string
	for _, d := range dialects {
		list = append(list, d.format)
	}
	return append(slices.Compact(list), "tar", "wheel")
}

// CheckFormat refuses what is no format.
func CheckFormat(format string) error {
	if slices.Contains(Formats(), format) {
		return nil
	}
	return hint.Exit(fmt.Errorf("there is no format %q: it is one of %s, or all", format, strings.Join(Formats(), ", ")), hint.Usage)
}

// Target is which systems packages of a format are for: the first of the families
// that has such packages, else those that first come to mind. "" for any system.
func Target(format string, families ...string) string {
	families = slices.DeleteFunc(slices.Clone(families), func(family string) bool { return family == "" })
	families = slices.DeleteFunc(slices.Clone(families), func(family string) bool { return family == "" })
	for _, family := range append(families, "") {
		if d, err := dialectOf(format, family); err == nil {
			return d.family
		}
	}
	return ""
}

// CheckFamily refuses systems that do not have packages of the format.
func CheckFamily(format, family string) error {
	if family == "" || Target(format, family) == family {
		return nil
	}
	return hint.Exit(fmt.Errorf("systems of the family %s have no packages of the format %s", family, format), hint.Usage)
}

// RuntimePlace is where the parts lie that a package of the format installs, on
// systems of that family; "" of one that can be anywhere.
func RuntimePlace(format, family string) string {
	d, err := dialectOf(format, family)
	if err != nil {
		return ""
	}
	return path.Dir(d.runtime)
}

// Made is a package that was written.
type Made struct {
	Name string // of the file
	Data []byte
}

// Make makes the packages of a build in one format. Each is read again before it
// is handed out (rule Q-1).
func Make(ctx context.Context, format string, b Build, o Options) ([]Made, error) {
	dir, err := os.MkdirTemp("", "modwsgi-pack-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	o.Stage = dir
	var made []Made
	switch format {
	case "wheel":
		made, err = makeWheels(ctx, b, o)
	case "tar":
		made, err = makeBoth(ctx, b, o)
	default:
		made, err = makeNatives(ctx, format, b, o)
	}
	return made, err
}

// Papers are what lies beside packages as they were published: the bill of
// materials of each, and the statement of where they come from.
func Papers(format string, b Build, o Options, made []Made) ([]Made, error) {
	var papers []Made
	for _, m := range made {
		bill, err := b.bill(m, o.Date)
		if err != nil {
			return nil, err
		}
		papers = append(papers, Made{m.Name + ".cdx.json", bill})
	}
	statement, err := b.provenance(format, o, made)
	return append(papers, statement), err
}

// makeBoth makes archives in both compressed forms.
func makeBoth(ctx context.Context, b Build, o Options) ([]Made, error) {
	one, err := makeTarballs(ctx, b, o, "gz")
	if err != nil {
		return nil, err
	}
	other, err := makeTarballs(ctx, b, o, "zst")
	return append(one, other...), err
}

// makeNatives makes packages of a distribution.
func makeNatives(ctx context.Context, format string, b Build, o Options) ([]Made, error) {
	list, err := Describe(ctx, format, b, o)
	if err != nil {
		return nil, err
	}
	var made []Made
	for _, d := range list {
		name, data, err := writeNative(d, format, o.Stage)
		if err != nil {
			return nil, err
		}
		if err := reread(format, data, d); err != nil {
			return nil, fmt.Errorf("reading %s again: %w", name, err)
		}
		made = append(made, Made{name, data})
	}
	return made, nil
}

// reread holds a package against what it was to be.
func reread(format string, data []byte, d Description) error {
	switch format {
	case "deb":
		return checkDeb(data, d)
	case "apk":
		return checkApk(data, d)
	case "arch":
		return checkArch(data, d)
	case "rpm":
		return checkRPM(data, d)
	}
	return fmt.Errorf("nobody reads packages of the format %s", format)
}
