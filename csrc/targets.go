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
		"wsgi_access.c", "wsgi_board.c", "wsgi_board_slot.c", "wsgi_board_thread.c", "wsgi_control.c", "wsgi_numbers.c", "wsgi_options.c", "wsgi_options_set.c", "wsgi_options_values.c", "wsgi_scoreboard.c", "wsgi_server.c", "wsgi_settings.c", "wsgi_wire.c")
	gateway := tier(NeedsPython,
		"wsgi_adapter.c", "wsgi_calls.c", "wsgi_environ_py.c", "wsgi_errors.c", "wsgi_events.c", "wsgi_events_request.c", "wsgi_filewrap.c", "wsgi_input.c",
		"wsgi_interp.c", "wsgi_interp_home.c", "wsgi_path.c", "wsgi_pymod.c", "wsgi_pymod_api.c", "wsgi_python.c", "wsgi_scoreboard_py.c", "wsgi_script.c", "wsgi_signals.c", "wsgi_start.c", "wsgi_streams.c", "wsgi_tally_py.c", "wsgi_telemetry.c", "wsgi_telemetry_gc.c", "wsgi_telemetry_slow.c", "wsgi_traceback.c")
	return []Target{
		{
			Name: "mod_wsgi.so", Kind: Module, Needs: NeedsApache,
			Exports: []string{"wsgi_module"},
			Sources: sources(plain, tier(NeedsApache,
				"mod_wsgi.c", "wsgi_auth.c", "wsgi_auth_conf.c", "wsgi_body.c", "wsgi_calls_ask.c", "wsgi_config.c", "wsgi_dispatch.c", "wsgi_embedded.c", "wsgi_environ.c", "wsgi_groups.c", "wsgi_import.c",
				"wsgi_health.c", "wsgi_keeper.c", "wsgi_legacy.c", "wsgi_locate.c", "wsgi_metrics.c", "wsgi_metrics_count.c", "wsgi_metrics_view.c", "wsgi_proxies.c", "wsgi_reach.c", "wsgi_relay.c", "wsgi_relay_body.c", "wsgi_relay_call.c", "wsgi_relay_hear.c", "wsgi_relay_packet.c", "wsgi_relay_queue.c", "wsgi_relay_watch.c", "wsgi_report.c", "wsgi_request.c", "wsgi_response.c", "wsgi_runtime.c", "wsgi_scoreboard_take.c", "wsgi_settings_conf.c", "wsgi_status.c", "wsgi_worker.c"),
				tier(NeedsNone, "wsgi_calls_wire.c", "wsgi_forwarded.c", "wsgi_frames.c", "wsgi_json.c", "wsgi_metrics_text.c")),
		},
		{
			Name: "wsgi-supervisor", Kind: Executable, Needs: NeedsNone,
			Sources: sources(plain, tier(NeedsNone, "wsgi_memory.c", "wsgi_supervisor.c", "wsgi_supervisor_death.c",
				"wsgi_supervisor_group.c", "wsgi_supervisor_main.c", "wsgi_supervisor_renew.c", "wsgi_supervisor_scripts.c", "wsgi_supervisor_spawn.c")),
		},
		{
			Name: "wsgi-host", Kind: Executable, Needs: NeedsPython,
			Sources: sources(plain, gateway, tier(NeedsPython,
				"wsgi_host.c", "wsgi_host_answer.c", "wsgi_host_gate.c", "wsgi_host_hang.c", "wsgi_host_identity.c", "wsgi_host_limits.c", "wsgi_host_lock.c", "wsgi_host_log.c", "wsgi_host_service.c", "wsgi_host_watch.c"),
				tier(NeedsNone, "wsgi_calls_wire.c", "wsgi_datagram.c", "wsgi_frames.c", "wsgi_host_tables.c", "wsgi_json.c", "wsgi_life.c", "wsgi_memory.c", "wsgi_tally.c")),
		},
		{
			Name: "wsgi-embed.so", Kind: Plugin, Needs: NeedsPython,
			Exports: []string{"wsgi_embed_entry"},
			Sources: sources(gateway, tier(NeedsPython, "wsgi_embed.c"), tier(NeedsNone, "wsgi_calls_wire.c", "wsgi_datagram.c", "wsgi_scoreboard.c", "wsgi_server.c", "wsgi_settings.c", "wsgi_tally.c", "wsgi_wire.c")),
		},
	}
}
