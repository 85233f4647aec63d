package pack

import (
	"path"
	"strings"

	"modwsgi/csrc"
)

// steps are what a package's scripts have to do, whatever manager runs them.
type steps struct {
	module  string // of a package that has it: what a2enmod calls it
	runtime string // the folder of the parts
	abi     string // of a package that has a Python half
	restart bool   // it cannot be replaced by a graceful restart
	cleans  string // a folder in which Python may have left caches
}

// hasDefault makes the default link lead to the half, unless it leads somewhere.
func (s steps) hasDefault() string {
	if s.abi == "" {
		return ""
	}
	link := path.Join(s.runtime, csrc.DefaultLink)
	return "[ -e " + link + " ] || ln -sfn " + s.abi + " " + link + "\n"
}

// losesDefault takes the default link from the half: another one gets it.
func (s steps) losesDefault() string {
	if s.abi == "" {
		return ""
	}
	return strings.NewReplacer("RUNTIME", s.runtime, "LINK", csrc.DefaultLink, "ABI", s.abi, "RECORD", csrc.BuildInfoFile).Replace(
		`if [ "$(readlink RUNTIME/LINK)" = ABI ]; then
	rm -f RUNTIME/LINK
	for half in RUNTIME/*/RECORD; do
		half=${half%/RECORD}
		half=${half##*/}
		if [ "$half" != ABI ] && [ "$half" != '*' ]; then
			ln -sfn "$half" RUNTIME/LINK
			break
		fi
	done
fi
`)
}

// losesCaches removes what Python wrote beside the modules of the package.
func (s steps) losesCaches() string {
	if s.cleans == "" {
		return ""
	}
	return "find " + s.cleans + " -depth -name __pycache__ -exec rm -rf {} +\n"
}

// script is a whole one; "" for nothing to do.
func script(body ...string) string {
	text := strings.Join(body, "")
	if text == "" {
		return ""
	}
	return "#!/bin/sh\nset -e\n" + text
}

// when is body under a condition.
func when(condition, body string) string {
	if body == "" {
		return ""
	}
	return "if " + condition + "; then\n" + indent(body) + "fi\n"
}

func indent(text string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	return "\t" + strings.Join(lines, "\t") + "\n"
}

// withApache is body with the functions of Debian's Apache at hand; without that
// Apache there is nothing to tell.
func withApache(body string) string {
	const helper = "/usr/share/apache2/apache2-maintscript-helper"
	if body == "" {
		return ""
	}
	return "if [ -e " + helper + " ]; then\n\t. " + helper + "\n" + indent(body) + "fi\n"
}

// debianScripts do what dh_apache2 would, but that a running Apache takes up what
// is new gracefully, so that no request is lost. That is not enough for a module with
// Python in it.
func debianScripts(s steps) Scripts {
	after, before := when("a2query -q -m wsgi", "APACHE2_NEED_ACTION=1\napache2_reload reload\n"), ""
	if s.module != "" {
		how := " reload"
		if s.restart {
			how = " restart"
		}
		// Only one of its kind can be enabled: which one, the administrator says.
		after = "apache2_invoke enmod " + s.module + how + " || echo '" + s.module + " is not enabled: another wsgi module may be' >&2\n"
		before = "apache2_invoke dismod " + s.module + " || exit $?\n"
	}
	return Scripts{
		AfterInstall: script(when(`[ "$1" = configure ]`, s.hasDefault()+withApache(after))),
		BeforeRemove: script(when(`[ "$1" = remove ]`, s.losesDefault()+withApache(before)+s.losesCaches())),
		AfterRemove:  script(when(`[ "$1" = purge ]`, withApache(before))),
	}
}

// plainScripts are for systems where a file that is there is enabled. The number
// in $1 is rpm's: how many versions of the package will be there.
func plainScripts(s steps) Scripts {
	gone := when(`[ "${1:-0}" != 1 ]`, s.losesDefault()+s.losesCaches())
	return Scripts{AfterInstall: script(s.hasDefault()), AfterUpgrade: script(s.hasDefault()), BeforeRemove: script(gone)}
}

// suseScripts are those of an rpm that has the module's name put into the list of
// what the server loads, and taken from it (rule Q-6). It is for the administrator
// to restart the server. A release of the original is loaded by its file.
func suseScripts(s steps) Scripts {
	p := plainScripts(s)
	if s.module == "" || s.restart {
		return p
	}
	list := func(count, program string) string {
		return when("[ \"$1\" = "+count+" ] && command -v "+program+" >/dev/null", program+" "+s.module+" >/dev/null || echo '"+program+" "+s.module+" failed' >&2\n")
	}
	p.AfterInstall = script(list("1", "a2enmod"))
	p.BeforeRemove = script(list("0", "a2dismod"), when(`[ "$1" = 0 ]`, s.losesCaches()))
	return p
}
