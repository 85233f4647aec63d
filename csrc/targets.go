package csrc

import "slices"

// Kind says what a target is linked as.
type Kind string

const (
	Module     Kind = "module"     // loaded by httpd
	Executable Kind = "executable" // a program
	Plugin     Kind = "plugin"     // opened by the module
)

// Needs says whose headers a source may include, and whose library a target is
// linked with.
type Needs string

const (
	NeedsNone   Needs = "none"
	NeedsApache Needs = "apache"
	NeedsPython Needs = "python"
	NeedsBoth   Needs = "both" // one module with Python in it: classic trees only
)

// Target is one file that a build makes.
type Target struct {
	Name    string
	Kind    Kind
	Needs   Needs
	Sources []Source // sorted by file name
	Exports []string // all that it exports; nil: not looked at
}

// Source is one C file and the tier it belongs to. A file that several targets
// use is compiled once for all of them, so it has one tier everywhere.
type Source struct {
	File  string
	Needs Needs
}

// sources of a target: each list with the tier of its files.
func sources(lists ...[]Source) []Source {
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b Source) int {
		switch {
		case a.File < b.File:
			return -1
		case a.File > b.File:
			return 1
		}
		return 0
	})
	return all
}

func tier(needs Needs, files ...string) []Source {
	list := make([]Source, len(files))
	for i, f := range files {
		list[i] = Source{File: f, Needs: needs}
	}
	return list
}

// Targets describes our tree: four targets, of which only the two of the Python
// half contain Python, and only the module knows httpd.
func Targets() []Target {
	plain := tier(NeedsNone,
		"wsgi_access.c", "wsgi_board.c", "wsgi_control.c", "wsgi_options.c", "wsgi_wire.c")
	gateway := tier(NeedsPython,
		"wsgi_adapter.c", "wsgi_environ_py.c", "wsgi_errors.c", "wsgi_filewrap.c", "wsgi_input.c",
		"wsgi_interp.c", "wsgi_pymod.c", "wsgi_python.c", "wsgi_script.c", "wsgi_start.c")
	return []Target{
		{
			Name: "mod_wsgi.so", Kind: Module, Needs: NeedsApache,
			Exports: []string{"wsgi_module"},
			Sources: sources(plain, tier(NeedsApache,
				"mod_wsgi.c", "wsgi_body.c", "wsgi_config.c", "wsgi_embedded.c", "wsgi_environ.c", "wsgi_groups.c",
				"wsgi_keeper.c", "wsgi_locate.c", "wsgi_proxies.c", "wsgi_relay.c", "wsgi_request.c", "wsgi_response.c", "wsgi_runtime.c", "wsgi_worker.c"),
				tier(NeedsNone, "wsgi_forwarded.c", "wsgi_frames.c")),
		},
		{
			Name: "wsgi-supervisor", Kind: Executable, Needs: NeedsNone,
			Sources: sources(plain, tier(NeedsNone, "wsgi_memory.c", "wsgi_supervisor.c", "wsgi_supervisor_death.c",
				"wsgi_supervisor_group.c", "wsgi_supervisor_main.c", "wsgi_supervisor_renew.c", "wsgi_supervisor_scripts.c", "wsgi_supervisor_spawn.c")),
		},
		{
			Name: "wsgi-host", Kind: Executable, Needs: NeedsPython,
			Sources: sources(plain, gateway, tier(NeedsPython,
				"wsgi_host.c", "wsgi_host_answer.c", "wsgi_host_gate.c", "wsgi_host_identity.c", "wsgi_host_limits.c", "wsgi_host_lock.c", "wsgi_host_service.c", "wsgi_host_watch.c"),
				tier(NeedsNone, "wsgi_frames.c", "wsgi_life.c", "wsgi_memory.c")),
		},
		{
			Name: "wsgi-embed.so", Kind: Plugin, Needs: NeedsPython,
			Exports: []string{"wsgi_embed_entry"},
			Sources: sources(gateway, tier(NeedsPython, "wsgi_embed.c"), tier(NeedsNone, "wsgi_wire.c")),
		},
	}
}
