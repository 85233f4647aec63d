package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	getter "github.com/hashicorp/go-getter/v2"

	"modwsgi/internal/hint"
	"modwsgi/internal/pattern"
	"modwsgi/internal/run"
)

var commit = pattern.New(`^[0-9a-f]{40}$`)

// repository brings the tree of a git commit (rule G-9).
func (o Options) repository(ctx context.Context, s Source) (Tree, string, error) {
	if err := o.mayAsk(s.At); err != nil && !strings.HasPrefix(s.At, "file:") {
		return Tree{}, "", err
	}
	if !commit.MatchString(s.Ref) && !o.Update && !o.AllowUnverified {
		if _, locked := o.Lock.Find(s.String()); !locked {
			return Tree{}, "", hint.Exit(hint.New(fmt.Errorf("source %s: %q can be another commit tomorrow", s, s.Ref),
				"name the commit by its 40 hex digits, or write it into "+LockFile+" with -update"), hint.Refused)
		}
	}
	dir, err := os.MkdirTemp("", "modwsgi-fetch-")
	if err != nil {
		return Tree{}, "", err
	}
	defer os.RemoveAll(dir)
	g := &gitGetter{runner: o.Runner, ref: s.Ref}
	client := getter.Client{Getters: []getter.Getter{g}, Decompressors: map[string]getter.Decompressor{}, DisableSymlinks: true}
	to := filepath.Join(dir, "tree")
	if _, err := client.Get(ctx, &getter.Request{Src: "git::" + s.At, Dst: to, GetMode: getter.ModeDir, DisableSymlinks: true}); err != nil {
		return Tree{}, "", fmt.Errorf("source %s: %w", s, err)
	}
	if commit.MatchString(s.Ref) && g.head != s.Ref {
		return Tree{}, "", hint.Exit(fmt.Errorf("source %s: the repository gave commit %s", s, g.head), hint.Refused)
	}
	t, err := readFolder(to)
	return t, g.head, err
}

// gitGetter brings a commit with the git program, which takes nothing from the
// user's configuration, runs no hook and asks nobody. The getter of the library
// starts git with the caller's environment; that is why this one is in its place.
type gitGetter struct {
	runner *run.Runner
	ref    string
	head   string // the commit that came, once Get has returned
}

// locked is the environment and configuration that git runs with.
var (
	gitEnv = []string{"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ASKPASS=/bin/false",
		"SSH_ASKPASS=/bin/false", "GIT_SSH_COMMAND=ssh -oBatchMode=yes"}
	gitConfig = []string{"-c", "core.hooksPath=/dev/null", "-c", "core.symlinks=false", "-c", "protocol.allow=never",
		"-c", "protocol.https.allow=always", "-c", "protocol.ssh.allow=always", "-c", "protocol.file.allow=always",
		"-c", "submodule.recurse=false", "-c", "advice.detachedHead=false", "-c", "init.defaultBranch=main"}
)

const gitTimeout = 5 * time.Minute

func (g *gitGetter) git(ctx context.Context, dir string, args ...string) (string, error) {
	res, err := g.runner.Run(ctx, run.Cmd{
		Dir: dir, Path: "git", Args: append(append([]string{}, gitConfig...), args...), Env: gitEnv, Timeout: gitTimeout,
	})
	return strings.TrimSpace(res.Stdout), err
}

// Get makes a fresh working copy of the one commit in req.Dst, without history.
func (g *gitGetter) Get(ctx context.Context, req *getter.Request) error {
	u := strings.TrimPrefix(req.URL().String(), "git::")
	if err := os.Mkdir(req.Dst, 0o700); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "-q", "."},
		{"fetch", "-q", "--depth=1", "--no-tags", "--no-recurse-submodules", u, g.ref},
		{"checkout", "-q", "--detach", "FETCH_HEAD"},
	} {
		if _, err := g.git(ctx, req.Dst, args...); err != nil {
			return err
		}
	}
	head, err := g.git(ctx, req.Dst, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	g.head = head
	return os.RemoveAll(filepath.Join(req.Dst, ".git"))
}

// GetFile is part of the interface; nobody asks for a file of a repository.
func (*gitGetter) GetFile(context.Context, *getter.Request) error {
	return errors.New("a repository is fetched whole")
}

// Mode is part of the interface.
func (*gitGetter) Mode(context.Context, *url.URL) (getter.Mode, error) { return getter.ModeDir, nil }

// Detect takes what was asked for as it is.
func (*gitGetter) Detect(req *getter.Request) (bool, error) {
	req.Src = strings.TrimPrefix(req.Src, "git::")
	return true, nil
}
