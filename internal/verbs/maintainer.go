package verbs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
	"modwsgi/internal/words"
)

// nobody stands for who made a package where that is not known.
const nobody = "modwsgi authors <modwsgi@example.invalid>"

// contactForm is a name and an address, as Debian, RPM and Alpine have them.
var contactForm = pattern.New(`^[^<>,\x00-\x1f]+ <[^<>@\s]+@[^<>@\s]+>$`)

// checkMaintainer refuses a name without an address, and one without a name.
func (p *packing) checkMaintainer() error {
	if said := p.Text("maintainer"); said != "" && !contactForm.MatchString(said) {
		return hint.Exit(p.Blame("maintainer", errors.New("it is a name and an address: NAME <ADDRESS>")), hint.Usage)
	}
	return nil
}

// maintainer is who makes packages of a format: whom the option names, else whom
// the format's own tools would take, else whom git knows.
func (p *packing) maintainer(ctx context.Context, format string) string {
	if said := p.Text("maintainer"); said != "" {
		return said
	}
	var list []string
	switch format {
	case "deb":
		list = append(list, p.debian())
	case "rpm":
		list = append(list, p.output(ctx, "rpm", "--eval", "%packager"))
	case "apk":
		list = append(list, p.R.Getenv("PACKAGER"), p.shellValue("~/.abuild/abuild.conf", "PACKAGER"), p.shellValue("/etc/abuild.conf", "PACKAGER"))
	case "arch":
		list = append(list, p.R.Getenv("PACKAGER"), p.shellValue("~/.config/pacman/makepkg.conf", "PACKAGER"), p.shellValue("~/.makepkg.conf", "PACKAGER"), p.shellValue("/etc/makepkg.conf", "PACKAGER"))
	default:
		return nobody // nothing of it is written
	}
	for _, contact := range list {
		if contactForm.MatchString(contact) {
			return contact
		}
	}
	if contact := fmt.Sprintf("%s <%s>", p.output(ctx, "git", "config", "user.name"), p.output(ctx, "git", "config", "user.email")); contactForm.MatchString(contact) {
		return contact
	}
	p.Steps().Note("nobody is known who makes these packages; they say " + nobody + ": name somebody by -maintainer")
	return nobody
}

// debian is whom Debian's tools would take: an address may bring its name along.
func (p *packing) debian() string {
	address := cmp.Or(p.R.Getenv("DEBEMAIL"), p.R.Getenv("EMAIL"))
	if contactForm.MatchString(address) {
		return address
	}
	return cmp.Or(p.R.Getenv("DEBFULLNAME"), p.R.Getenv("NAME")) + " <" + address + ">"
}

// output is the line that a program prints; "" if it cannot say.
func (p *packing) output(ctx context.Context, name string, args ...string) string {
	if _, err := p.R.LookPath(name); err != nil {
		return ""
	}
	out, _ := p.R.Output(ctx, p.Dir, name, args...)
	return strings.TrimSpace(out)
}

// shellValue is what a shell's file gives a variable, if that is a plain word; the
// last line counts. ~ is the home of who runs this.
func (p *packing) shellValue(file, name string) string {
	if rest, ok := strings.CutPrefix(file, "~"); ok {
		home := p.R.Getenv("HOME")
		if home == "" {
			return ""
		}
		file = filepath.Join(home, rest)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	value := ""
	for line := range strings.Lines(string(data)) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), name+"=")
		if list, err := words.Split(text); ok && err == nil && len(list) > 0 {
			value = list[0]
		}
	}
	return value
}
