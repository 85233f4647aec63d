package installer

import (
	"fmt"
	"strings"

	"modwsgi/internal/words"
)

// Hooks are the package managers that can be told to check an installation after
// they have changed something (rule I-9).
func Hooks() []string { return []string{"apt", "dnf", "pacman"} }

// Hook is the file that has a package manager run program, mod_wsgi-express, after
// each change, and where it belongs. It never keeps a change from happening.
func Hook(manager, program string) (ConfText, error) {
	if strings.ContainsAny(program, "\"\\\n\r%") {
		return ConfText{}, fmt.Errorf("a hook for %q cannot be written: its name has quotes or control characters", program)
	}
	check := words.Quote(program) + " check || true"
	about := "# Written by mod_wsgi-express: says what an upgrade has done to mod_wsgi.\n"
	switch manager {
	case "apt":
		return ConfText{"/etc/apt/apt.conf.d/90mod-wsgi", about + "DPkg::Post-Invoke { \"" + check + "\"; };\n"}, nil
	case "dnf":
		return ConfText{"/etc/dnf/plugins/post-transaction-actions.d/mod_wsgi.action", about + "python3*:in:" + check + "\nhttpd*:in:" + check + "\n"}, nil
	case "pacman":
		return ConfText{"/etc/pacman.d/hooks/mod_wsgi.hook", about + "[Trigger]\nOperation = Upgrade\nType = Package\nTarget = python\nTarget = apache\n\n" +
			"[Action]\nDescription = Looking whether mod_wsgi still fits...\nWhen = PostTransaction\nExec = /bin/sh -c \"" + check + "\"\n"}, nil
	}
	return ConfText{}, fmt.Errorf("%q is no package manager with hooks: %s", manager, strings.Join(Hooks(), ", "))
}
