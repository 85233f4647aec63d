// Package options is the one table of what can be said to the toolchain, and
// the rule by which of its three sources is heard (rule T-4): a flag
// (`-name=value` of a Mage target, `--name` of mod_wsgi-express), before a
// variable MODWSGI_NAME, before a line of modwsgi.toml, before the default.
//
// An option stands here only when it has an effect, and names the targets on
// which it has one; docs/options.md is printed from the table, and tests compare
// the magefile and the commands with it.
package options

import (
	"slices"
	"strings"
)

// Kind is what an option's value has to be.
type Kind int

const (
	Text   Kind = iota // anything
	Path               // a file or folder, made absolute where it is said
	Choice             // one of Values
	Count              // a whole number from 0 on
	Switch             // on or off
	Span               // a time: 90s, 30m
)

// Option is one row.
type Option struct {
	Name    string // of the flag and in the file; the variable is MODWSGI_ and this in capitals
	Kind    Kind
	Values  []string // of a Choice
	Shape   string   // what stands for the value in help: PATH
	Default string   // as it would be typed; "" for none
	Other   string   // a variable without MODWSGI_ that says the same, heard after it
	Help    string   // a sentence
	Targets []string // the Mage targets (and commands, where there is no such target) on which it has an effect; a namespace whose targets have the same options is one
}

// Variable is the name of the option's environment variable.
func (o Option) Variable() string { return "MODWSGI_" + strings.ToUpper(o.Name) }

// Flag is how mod_wsgi-express spells it: with hyphens.
func (o Option) Flag() string { return strings.ReplaceAll(o.Name, "_", "-") }

// Table lists every option, by name.
func Table() []Option {
	// Who needs what. A target that builds has to find first.
	var (
		building = []string{"build", "install", "package", "prove", "quickstart", "reproduce", "verify"}
		planning = []string{"matrix:github", "matrix:gitlab", "matrix:plan"}
		running  = []string{"matrix:run"}
		choosing = slices.Concat([]string{"matrix:list"}, planning, running)
		telling  = slices.Concat([]string{"matrix:merge", "matrix:sheet"}, running)
		matrix   = slices.Concat([]string{"matrix:list", "matrix:repro"}, planning, telling)
		finding  = slices.Concat([]string{"bench", "config", "doctor", "install-module"}, choosing, building)
		undoing  = []string{"check", "rollback", "uninstall"}
		placing  = slices.Concat([]string{"install"}, undoing)
		fetching = []string{"build", "fetch", "install", "package", "reproduce", "verify"}
		keeping  = slices.Concat([]string{"clean", "fetch", "python"}, building)
		loading  = []string{"bench", "build", "ci", "fetch", "install", "lint", "package", "prove", "python", "quickstart", "reproduce", "test", "verify"}
		changing = slices.Concat([]string{"clean", "install-module", "rollback", "uninstall"}, planning, telling, loading)
		printing = slices.Concat([]string{"apaches", "build", "config", "discover", "doctor", "explain", "fetch", "inspect", "package", "python", "pythons", "reproduce", "verify", "verifyartifacts"}, matrix, placing)
	)
	table := []Option{
		{Name: "apxs", Kind: Text, Shape: "PATH", Other: "APXS", Targets: slices.Concat(finding, undoing),
			Help: "The apxs of the Apache to work with, a path or a name in PATH; found otherwise."},
		{Name: "python", Kind: Text, Shape: "PYTHON", Other: "PYTHON", Targets: finding,
			Help: "The Python to work with: an interpreter, an installation, a virtual environment or a version such as 3.12 or 3.13t; found otherwise."},
		{Name: "apache_config", Kind: Path, Shape: "FILE", Targets: slices.Concat(finding, undoing),
			Help: "A file that describes the Apache of another machine, which is then not asked."},
		{Name: "python_config", Kind: Path, Shape: "FILE", Targets: finding,
			Help: "A file that describes the Python of another machine, which is then not run."},
		{Name: "source", Kind: Text, Shape: "SOURCE", Other: "SOURCE", Targets: []string{"build", "install", "package", "reproduce", "verify"},
			Help: "A source tree to build instead of the one in this program: a folder or archive with a release of the original mod_wsgi, pypi:VERSION, release:VERSION, an https URL or git::URL?ref=REF."},
		{Name: "jobs", Kind: Count, Shape: "N", Default: "0", Targets: slices.Concat([]string{"python"}, building),
			Help: "How many compilers run at once; 0 is as many as there are processors and memory for."},
		{Name: "profile", Kind: Choice, Values: []string{"default", "distro", "apxs"}, Default: "default", Targets: building,
			Help: "Whose flags optimise and harden: ours, the CPPFLAGS, CFLAGS and LDFLAGS of a distribution's packaging, or those that Apache was built with."},
		{Name: "builder", Kind: Choice, Values: []string{"direct", "apxs"}, Default: "direct", Targets: building,
			Help: "Who compiles and links Apache's module: this program, or apxs -c, for comparison."},
		{Name: "define", Kind: Text, Shape: "WORDS", Targets: building,
			Help: "Further definitions for every C file, as -DMOD_WSGI_DISABLE_EMBEDDED -UX; quoted as for a shell."},
		{Name: "rpath", Kind: Text, Shape: "auto, exact, none, origin or DIR", Default: "auto", Targets: building,
			Help: "Where results look for libpython: where the loader would not find it by itself, always, never, relative to themselves, or in a folder."},
		{Name: "install_dir", Kind: Path, Shape: "DIR", Targets: []string{"build", "reproduce"},
			Help: "Where the results will lie, for an rpath of origin; otherwise the folder that they are built in."},
		{Name: "packaged", Kind: Switch, Default: "false", Targets: []string{"build", "reproduce"},
			Help: "Build for a deb, rpm or apk: no run path but origin, and no path of this machine's libpython in the results."},
		{Name: "allow_static", Kind: Switch, Default: "false", Targets: building,
			Help: "Take a Python that has no shared library, only a static one, and link that whole into what needs it."},
		{Name: "strict", Kind: Switch, Default: "false", Targets: slices.Concat([]string{"inspect"}, building),
			Help: "Fail if something that a hardened build has is missing: full RELRO, a stack that is not executable, checked frames."},
		{Name: "output", Kind: Choice, Values: []string{"text", "json"}, Default: "text", Targets: printing,
			Help: "What goes to standard output: text for people, or one JSON document with a schema number."},
		{Name: "color", Kind: Choice, Values: []string{"auto", "never"}, Default: "auto", Targets: slices.Concat([]string{"python"}, running, building),
			Help: "Colour in the progress lines: on a terminal, unless NO_COLOR or CI is set or TERM is dumb; or never."},
		{Name: "redact", Kind: Switch, Default: "false", Targets: []string{"doctor", "explain"},
			Help: "Leave out whose home folders they are, for a report that others read."},
		{Name: "dryrun", Kind: Switch, Default: "false", Targets: changing,
			Help: "Print the steps and change nothing."},
		{Name: "offline", Kind: Switch, Default: "false", Targets: loading,
			Help: "Refuse, with exit status 5, whatever would download something."},
		{Name: "cache", Kind: Path, Shape: "DIR", Targets: keeping,
			Help: "The folder for what can be had again: archives and trees that were fetched, objects and targets that were built; otherwise modwsgi in $XDG_CACHE_HOME or ~/.cache."},
		{Name: "cache_age", Kind: Count, Shape: "DAYS", Default: "30", Targets: []string{"clean"},
			Help: "Remove from the cache what nobody used for so many days; 0 keeps it."},
		{Name: "cache_size", Kind: Count, Shape: "MIB", Default: "2048", Targets: []string{"clean"},
			Help: "Remove from the cache what was not used for longest, until it has so many mebibytes; 0 is no limit."},
		{Name: "index_url", Kind: Text, Shape: "URL", Targets: fetching,
			Help: "The index of Python packages that pypi: asks; the public one otherwise."},
		{Name: "cpython", Kind: Text, Shape: "SOURCE", Targets: []string{"python"},
			Help: "What a Python is made of: an https URL with #sha256=HEX, or a file; otherwise the archive that matrix.toml names for the version, or the one in the distribution's source package."},
		{Name: "allow_http", Kind: Switch, Default: "false", Targets: fetching,
			Help: "Fetch by http too, where a checksum is known."},
		{Name: "allow_unverified", Kind: Switch, Default: "false", Targets: fetching,
			Help: "Take an archive of which no checksum is known; what is made of it is marked unverified."},
		{Name: "allow_untested", Kind: Switch, Default: "false", Targets: []string{"build", "install", "package", "reproduce", "verify"},
			Help: "Build a release of the original with a Python that it was never tested with."},
		{Name: "releases_url", Kind: Text, Shape: "URL", Targets: fetching,
			Help: "Where release: finds the releases of the original; its own place otherwise."},
		{Name: "patches", Kind: Path, Shape: "DIR", Targets: fetching,
			Help: "A folder with patches and a file named series that lists them: applied to the source tree, without fuzz."},
		{Name: "verify_key", Kind: Text, Shape: "KEY", Targets: fetching,
			Help: "The key that an archive must be signed with: gpg:FILE, minisign:FILE or cosign:FILE."},
		{Name: "accept_broken_config", Kind: Switch, Default: "false", Targets: []string{"install", "rollback", "uninstall", "verify"},
			Help: "Do not fail because Apache refuses its configuration as it is, without the module, or loads another wsgi_module there."},
		{Name: "format", Kind: Choice, Values: []string{"lines", "file"}, Default: "lines", Targets: []string{"config"},
			Help: "What is printed for Apache: the directives alone, or the configuration files as install writes them on this kind of system."},
		{Name: "hook", Kind: Choice, Values: []string{"apt", "dnf", "pacman"}, Targets: []string{"check"},
			Help: "Print the file that has this package manager run the check after each upgrade, and where it belongs; nothing is checked."},
		{Name: "archive", Kind: Path, Shape: "FILE", Targets: []string{"install"},
			Help: "An archive that package:tar made, .tar.gz or .tar.zst, to install instead of building: of ours or of a release of the original."},
		{Name: "flavour", Kind: Text, Shape: "NAME", Targets: undoing,
			Help: "Which of several installations in a folder is meant: a release of the original, by the name of its Python, such as py311 or py313t; otherwise ours, or the only one."},
		{Name: "modules_directory", Kind: Path, Shape: "DIR", Targets: placing,
			Help: "The folder with Apache's modules; its own otherwise."},
		{Name: "other_module", Kind: Choice, Values: []string{"refuse", "replace", "alongside"}, Default: "refuse", Targets: []string{"install"},
			Help: "What becomes of another wsgi_module that Apache loads: nothing is installed, it is disabled until this one is uninstalled, or this one is installed and not enabled."},
		{Name: "edit_config", Kind: Switch, Default: "false", Targets: []string{"install"},
			Help: "Add the Include line to Apache's main configuration file, where a module is enabled by one."},
		{Name: "force", Kind: Switch, Default: "false", Targets: []string{"install", "uninstall"},
			Help: "Replace files of packages and of others, which come back when it is uninstalled; remove files that were changed since."},
		{Name: "restart", Kind: Switch, Default: "false", Targets: []string{"install"},
			Help: "Stop and start Apache's service once all is proved, if it runs; if it does not come back, everything is put back and it is started again."},
		{Name: "restore", Kind: Switch, Default: "false", Targets: []string{"uninstall"},
			Help: "Enable again what was disabled for the module."},
		{Name: "destdir", Kind: Path, Shape: "DIR", Other: "DESTDIR", Targets: []string{"install"},
			Help: "Stage everything below this folder, for a package: nothing is enabled, and of the levels of proof only those that need no server are run."},
		{Name: "state", Kind: Path, Shape: "DIR", Targets: slices.Concat([]string{"install-module"}, placing),
			Help: "The folder in which it is noted what is installed, and how to undo it; otherwise /var/lib/modwsgi of root, and modwsgi in $XDG_STATE_HOME or ~/.local/state of others."},
		{Name: "update", Kind: Switch, Default: "false", Targets: []string{"fetch"},
			Help: "Write what was fetched into modwsgi.lock, in place of what it says."},
		{Name: "dist", Kind: Path, Shape: "DIR", Targets: []string{"package", "verifyartifacts"},
			Help: "The folder for packages; otherwise dist."},
		{Name: "apk_key", Kind: Path, Shape: "FILE", Targets: []string{"package"},
			Help: "The RSA key that apks are signed with, as abuild-keygen writes it: apk finds the public one by the name of this file and .pub."},
		{Name: "compress", Kind: Choice, Values: []string{"gzip", "zstd"}, Default: "gzip", Targets: []string{"package"},
			Help: "How debs and rpms are compressed: zstd is smaller, and read by Debian from 12 and whatever is as new. Other formats leave no choice."},
		{Name: "family", Kind: Choice, Values: []string{"debian", "fedora", "suse", "alpine", "arch"}, Targets: []string{"package"},
			Help: "The systems that packages are for, where several have packages of the format: rpms as of Fedora or as of SUSE. Otherwise this Apache's kind of system, if it has such packages."},
		{Name: "revision", Kind: Text, Shape: "N", Default: "1", Targets: []string{"package"},
			Help: "The revision of packages, behind the version: a number, and for one distribution more, as 1~bookworm1."},
		{Name: "sign", Kind: Text, Shape: "COMMAND", Targets: []string{"package"},
			Help: "A command that signs packages: it is run for each one that was written, with the file as its last word, as debsigs --sign=origin or cosign sign-blob."},
		{Name: "maintainer", Kind: Text, Shape: "NAME_AND_ADDRESS", Targets: []string{"package"},
			Help: "Who makes the packages: NAME <ADDRESS>. Otherwise whom the format's own tools would take: DEBFULLNAME and DEBEMAIL, rpm's %packager, PACKAGER of abuild or makepkg; then git's user."},
		{Name: "cells", Kind: Text, Shape: "WORDS", Targets: choosing,
			Help: "The cells of the matrix: full, pairwise, smoke or changed, and selectors such as py3.13*/event or !*/prefork, separated by blanks; all otherwise."},
		{Name: "changed", Kind: Path, Shape: "FILE", Targets: choosing,
			Help: "A file with the paths that changed, a line each, by which -cells=changed decides between smoke and full."},
		{Name: "ci_nodes", Kind: Switch, Default: "false", Targets: []string{"matrix:gitlab"},
			Help: "Have GitLab count the jobs itself: each finds its shard by CI_NODE_INDEX and CI_NODE_TOTAL."},
		{Name: "matrix_file", Kind: Path, Shape: "FILE", Targets: slices.Concat([]string{"python"}, choosing),
			Help: "The file that says what the matrix has; otherwise matrix.toml, or where there is none, what the machine has."},
		{Name: "plan", Kind: Path, Shape: "FILE", Targets: slices.Concat([]string{"matrix:merge"}, planning, running),
			Help: "The file for the plan of the matrix; otherwise build/matrix/plan.json."},
		{Name: "results", Kind: Path, Shape: "DIR", Targets: telling,
			Help: "The folder for the results and reports of the matrix; otherwise build/matrix."},
		{Name: "shards", Kind: Count, Shape: "N", Default: "0", Targets: planning,
			Help: "Over how many machines or jobs the cells are spread; 0 is one job for each cell, as far as a CI engine allows, and no spreading in a plan."},
		{Name: "shard", Kind: Text, Shape: "I/N", Targets: running,
			Help: "Which part of the cells this machine runs, the second of four is 2/4; otherwise by CI_NODE_INDEX and CI_NODE_TOTAL, or all."},
		{Name: "failed", Kind: Path, Shape: "FILE", Targets: running,
			Help: "A results.jsonl, of which the cells that failed, or that the budget left out, are run again."},
		{Name: "parallel", Kind: Count, Shape: "N", Default: "0", Targets: running,
			Help: "How many cells run at once; 0 is half as many as there are processors."},
		{Name: "budget", Kind: Span, Shape: "TIME", Targets: running,
			Help: "How long a run may take, as 30m: cells that would not end by then, by the timings, are skipped; required ones run first, and have failed if they are skipped."},
		{Name: "keep", Kind: Switch, Default: "false", Targets: running,
			Help: "Leave the server roots of cells that failed where they are, to start them again."},
		{Name: "here", Kind: Text, Shape: "PROVIDER", Targets: running,
			Help: "Run the cells of this provider here, as rootfs-trixie: who is inside of it."},
		{Name: "timings", Kind: Path, Shape: "FILE", Targets: slices.Concat(planning, running),
			Help: "The file with the seconds that cells took earlier, by which they are spread; otherwise build/matrix/timings.json, if there is one."},
		{Name: "bench", Kind: Choice, Values: []string{"quick"}, Other: "BENCH", Targets: []string{"bench"},
			Help: "Make a benchmark short."},
		{Name: "bench_only", Kind: Text, Shape: "NAMES", Other: "BENCH_ONLY", Targets: []string{"bench"},
			Help: "The workloads to measure, separated by blanks or commas; all otherwise."},
	}
	slices.SortFunc(table, func(a, b Option) int { return strings.Compare(a.Name, b.Name) })
	return table
}

// find is the option called name.
func find(table []Option, name string) (Option, bool) {
	i := slices.IndexFunc(table, func(o Option) bool { return o.Name == name })
	if i < 0 {
		return Option{}, false
	}
	return table[i], true
}

func names(table []Option) []string {
	var list []string
	for _, o := range table {
		list = append(list, o.Name)
	}
	return list
}
