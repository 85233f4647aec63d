package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// view is what a program in a tree sees: the tree, what a system has to have, and
// the files that it is given. It is put together in a mount namespace of one
// thread, so that nothing is ever mounted for anybody else: whoever removes the
// tree meanwhile removes a tree and nothing of this machine.
type view struct {
	tree    string
	lasting bool // changes are made in the tree; otherwise in memory, and are gone afterwards
	network bool
	read    []string // files and folders of this machine, at the same paths
	write   []string
}

// step is one thing to do to put a view together.
type step struct {
	do   string // "folder", "file", "link", "bind", or a kind of file system to mount
	from string // of a bind; what a link says
	to   string
	ro   bool   // of a bind
	data string // of a file system
}

func (s step) String() string {
	words := []string{s.do, s.from, s.to, s.data}
	if s.ro {
		words = append(words, "ro")
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// devices are those that programs open; all others of this machine are not there.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// top is the root of the view that is put together below base.
func top(base string) string { return filepath.Join(base, "root") }

// steps puts the view together below base, an empty folder of this machine.
func (v view) steps(base string) ([]step, error) {
	root := top(base)
	at := func(path string) string { return filepath.Join(root, path) }
	list := []step{
		{do: "tmpfs", to: base, data: "mode=0755,size=50%"},
		{do: "folder", to: root},
	}
	if v.lasting {
		list = append(list, step{do: "bind", from: v.tree, to: root})
	} else {
		upper, work := filepath.Join(base, "upper"), filepath.Join(base, "work")
		if strings.ContainsAny(v.tree, `,:\`) {
			return nil, fmt.Errorf("%s: the path of a tree has no comma, colon or backslash", v.tree)
		}
		list = append(list, step{do: "folder", to: upper}, step{do: "folder", to: work},
			step{do: "overlay", to: root, data: "lowerdir=" + v.tree + ",upperdir=" + upper + ",workdir=" + work})
	}
	list = append(list,
		step{do: "bind", from: "/proc", to: at("proc"), ro: true},
		step{do: "tmpfs", to: at("dev"), data: "mode=0755,size=1m"},
		step{do: "folder", to: at("dev/shm")},
		step{do: "tmpfs", to: at("dev/shm"), data: "mode=1777"},
		step{do: "link", from: "/proc/self/fd", to: at("dev/fd")},
		step{do: "tmpfs", to: at("tmp"), data: "mode=1777"},
		step{do: "tmpfs", to: at("run"), data: "mode=0755"},
		step{do: "folder", to: at("run/lock")},
	)
	for i, name := range []string{"stdin", "stdout", "stderr"} {
		list = append(list, step{do: "link", from: fmt.Sprintf("/proc/self/fd/%d", i), to: at("dev/" + name)})
	}
	for _, name := range devices {
		list = append(list, step{do: "file", to: at("dev/" + name)}, step{do: "bind", from: "/dev/" + name, to: at("dev/" + name), ro: true})
	}
	given, err := v.given(at)
	return append(list, given...), err
}

// given are the steps for the files of this machine. Each is seen at its own path,
// unless that is one of the tree's.
func (v view) given(at func(string) string) ([]step, error) {
	var list []step
	made := map[string]bool{}
	for _, path := range slices.Concat(v.read, v.write) {
		fi, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("giving a file to %s: %w", v.tree, err)
		}
		if clean := filepath.Clean(path); clean != path {
			return nil, fmt.Errorf("giving %s to %s: it is to be called %s", path, v.tree, clean)
		}
		if there := inTree(v.tree, path); there != "" {
			return nil, fmt.Errorf("giving %s to %s: the tree has %s of its own", path, v.tree, there)
		}
		if list = append(list, folders(at, filepath.Dir(path), made)...); fi.IsDir() {
			list = append(list, folders(at, path, made)...)
		} else {
			list = append(list, step{do: "file", to: at(path)})
		}
		list = append(list, step{do: "bind", from: path, to: at(path), ro: !slices.Contains(v.write, path)})
	}
	return list, nil
}

// folders makes dir and those on the way to it, each once.
func folders(at func(string) string, dir string, made map[string]bool) []step {
	if dir == "/" || made[dir] {
		return nil
	}
	made[dir] = true
	return append(folders(at, filepath.Dir(dir), made), step{do: "folder", to: at(dir)})
}

// inTree is what of a tree stands in the way of a path of this machine, "" if
// nothing does: folders may be there already; /tmp and /run are empty in each view.
func inTree(tree, path string) string {
	if strings.HasPrefix(path, "/tmp/") || strings.HasPrefix(path, "/run/") {
		return ""
	}
	for _, system := range []string{"/proc", "/dev", "/sys", "/tmp", "/run"} {
		if path == system || strings.HasPrefix(path, system+"/") {
			return system
		}
	}
	for dir := path; dir != "/"; dir = filepath.Dir(dir) {
		fi, err := os.Lstat(filepath.Join(tree, dir))
		switch {
		case err != nil:
		case !fi.IsDir(): // a link would lead out of the tree
			return dir
		case dir == path:
			if names, err := os.ReadDir(filepath.Join(tree, dir)); err != nil || len(names) > 0 {
				return dir
			}
		}
	}
	return ""
}
