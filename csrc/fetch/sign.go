package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// keyVariable names the key that archives must be signed with:
// gpg:FILE, minisign:FILE or cosign:FILE (rule G-13).
const keyVariable = "MODWSGI_VERIFY_KEY"

// verifier is a program that checks signatures.
type verifier struct {
	name, suffix string // of the signature beside an archive
	check        func(ctx context.Context, r *run.Runner, w signedWork) error
}

// signedWork is the paths of one check; dir is empty, private and removed later.
type signedWork struct{ dir, key, signature, archive string }

// verifiers are those that a key can be for.
func verifiers() []verifier {
	return []verifier{
		{"gpg", ".asc", checkGPG},
		{"minisign", ".minisig", func(ctx context.Context, r *run.Runner, w signedWork) error {
			return ran(ctx, r, "minisign", "-V", "-q", "-p", w.key, "-x", w.signature, "-m", w.archive)
		}},
		{"cosign", ".sig", func(ctx context.Context, r *run.Runner, w signedWork) error {
			// The key is what is trusted; a public log of signatures need not have it.
			return ran(ctx, r, "cosign", "verify-blob", "--key", w.key, "--signature", w.signature, "--insecure-ignore-tlog=true", w.archive)
		}},
	}
}

const verifyTimeout = time.Minute

func ran(ctx context.Context, r *run.Runner, name string, args ...string) error {
	_, err := r.Run(ctx, run.Cmd{Path: name, Args: args, Timeout: verifyTimeout})
	return err
}

// checkGPG lets gpg compare with a key ring that has this one key: what the
// user's own trusts is of no account.
func checkGPG(ctx context.Context, r *run.Runner, w signedWork) error {
	gpg := []string{"--batch", "--no-tty", "--no-options", "--no-autostart", "--homedir", w.dir}
	if err := ran(ctx, r, "gpg", append(gpg, "--import", w.key)...); err != nil {
		return err
	}
	res, err := r.Run(ctx, run.Cmd{
		Path: "gpg", Args: append(gpg, "--status-fd", "1", "--trust-model", "always", "--verify", w.signature, w.archive), Timeout: verifyTimeout,
	})
	if err != nil {
		return err
	}
	if !strings.Contains("\n"+res.Stdout, "\n[GNUPG:] VALIDSIG ") {
		return errors.New("gpg names no valid signature")
	}
	return nil
}

// signed checks the signature of an archive if a key is configured. At is where
// the archive came from: a URL or a path.
func (o Options) signed(ctx context.Context, s Source, data []byte, at string) error {
	if o.Key == "" {
		return nil
	}
	err := o.verify(ctx, data, at)
	return hint.Exit(wrapSigned(s, err), hint.Refused)
}

func wrapSigned(s Source, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("source %s: %s names a key, and the signature cannot be relied on: %w", s, keyVariable, err)
	if errors.Is(err, exec.ErrNotFound) {
		return hint.New(err, "install the program that checks it, or unset "+keyVariable)
	}
	return err
}

// verify brings the signature beside the archive and has it checked.
func (o Options) verify(ctx context.Context, data []byte, at string) error {
	name, key, _ := strings.Cut(o.Key, ":")
	for _, v := range verifiers() {
		if v.name != name || key == "" {
			continue
		}
		if at == "" {
			return errors.New("what came is no archive, and has no signature")
		}
		if key, err := filepath.Abs(key); err == nil {
			return o.verifyWith(ctx, v, key, data, at)
		}
	}
	return fmt.Errorf("%q is no key: gpg:FILE, minisign:FILE or cosign:FILE", o.Key)
}

func (o Options) verifyWith(ctx context.Context, v verifier, key string, data []byte, at string) error {
	if _, err := os.Stat(key); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "modwsgi-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w := signedWork{dir: filepath.Join(dir, "home"), key: key, archive: filepath.Join(dir, "archive"), signature: at + v.suffix}
	if err := errors.Join(os.Mkdir(w.dir, 0o700), os.WriteFile(w.archive, data, 0o600)); err != nil {
		return err
	}
	if strings.Contains(at, "://") {
		w.signature = filepath.Join(dir, "signature")
		if err := o.download(ctx, at+v.suffix, w.signature); err != nil {
			return err
		}
	}
	return v.check(ctx, o.Runner, w)
}
