package main

import (
	"fmt"
	"os"
	"path/filepath"

	"modwsgi/apxs"
	"modwsgi/installer"
	"modwsgi/internal/verbs"
	"modwsgi/pybuild"
)

type buildCommand struct {
	Apxs *string `opt:"apxs" placeholder:"PATH" help:"${apxs}"`
	recordFlags
	Python     []string `sep:"none" placeholder:"PYTHON" help:"${python} Repeatable: each is built beside the others."`
	Output     string   `placeholder:"DIR" help:"The folder to build in; otherwise build, or of a release of the original build/mod_wsgi-VERSION."`
	Source     *string  `opt:"source" placeholder:"SOURCE" help:"${source}"`
	InstallDir *string  `opt:"install_dir" placeholder:"DIR" help:"${install_dir}"`
	Packaged   *bool    `opt:"packaged" help:"${packaged}"`
	makeFlags
	AllowUntested *bool `opt:"allow_untested" help:"${allow_untested}"`
	fetchFlags
	printFlags
}

func (c *buildCommand) Run(a *app) error {
	return a.do("build", c, verbs.Build(verbs.BuildRequest{Pythons: c.Python, Output: c.Output}))
}

type packageCommand struct {
	Format string  `arg:"" optional:"" help:"deb, rpm, apk, arch, tar, wheel, or all."`
	Apxs   *string `opt:"apxs" placeholder:"PATH" help:"${apxs}"`
	recordFlags
	Python        []string `sep:"none" placeholder:"PYTHON" help:"${python} Repeatable: each becomes a package of its own."`
	Source        *string  `opt:"source" placeholder:"SOURCE" help:"${source}"`
	Dist          *string  `opt:"dist" placeholder:"DIR" help:"${dist}"`
	Family        *string  `opt:"family" placeholder:"FAMILY" help:"${family}"`
	Compress      *string  `opt:"compress" placeholder:"FORM" help:"${compress}"`
	ApkKey        *string  `opt:"apk_key" placeholder:"FILE" help:"${apk_key}"`
	Revision      *string  `opt:"revision" placeholder:"N" help:"${revision}"`
	Sign          *string  `opt:"sign" placeholder:"COMMAND" help:"${sign}"`
	Maintainer    *string  `opt:"maintainer" placeholder:"NAME" help:"${maintainer}"`
	AllowUntested *bool    `opt:"allow_untested" help:"${allow_untested}"`
	makeFlags
	fetchFlags
	printFlags
}

func (c *packageCommand) Run(a *app) error {
	return a.do("package", c, verbs.Package(verbs.PackageRequest{Format: c.Format, Pythons: c.Python}))
}

type artifactsCommand struct {
	Folder string  `arg:"" optional:"" help:"The folder, as --dist."`
	Dist   *string `opt:"dist" placeholder:"DIR" help:"${dist}"`
	printFlags
}

func (c *artifactsCommand) Run(a *app) error {
	if c.Folder != "" {
		c.Dist = &c.Folder
	}
	return a.do("verifyartifacts", c, verbs.VerifyArtifacts)
}

type reproduceCommand struct {
	findFlags
	Source        *string `opt:"source" placeholder:"SOURCE" help:"${source}"`
	InstallDir    *string `opt:"install_dir" placeholder:"DIR" help:"${install_dir}"`
	Packaged      *bool   `opt:"packaged" help:"${packaged}"`
	AllowUntested *bool   `opt:"allow_untested" help:"${allow_untested}"`
	makeFlags
	fetchFlags
	printFlags
}

func (c *reproduceCommand) Run(a *app) error { return a.do("reproduce", c, verbs.Reproduce) }

type verifyCommand struct {
	findFlags
	Source *string `opt:"source" placeholder:"SOURCE" help:"${source}"`
	makeFlags
	AllowUntested      *bool `opt:"allow_untested" help:"${allow_untested}"`
	AcceptBrokenConfig *bool `opt:"accept_broken_config" help:"${accept_broken_config}"`
	fetchFlags
	printFlags
}

func (c *verifyCommand) Run(a *app) error { return a.do("verify", c, verbs.Verify) }

// built is the module for the Apache and Python of this machine, which the
// original's helper commands take no option for: MODWSGI_APXS and
// MODWSGI_PYTHON choose others. One that is installed counts only if installed is
// set.
func built(a *app, j *verbs.Job, installed bool) (installer.Layout, apxs.Info, pybuild.Info, error) {
	folders := func(apache *apxs.Info) []string {
		dirs := buildFolders(apache)
		if installed {
			dirs = append([]string{apache.ModulesDir}, dirs...)
		}
		return dirs
	}
	return j.Built(a.ctx, folders, func(apache *apxs.Info) string {
		dir, err := cacheFolder(apache)
		if err != nil {
			return "set XDG_CACHE_HOME, and build it: " + tool + " build"
		}
		return fmt.Sprintf("build it: %s build --output %s", tool, dir)
	})
}

type configCommand struct{}

func (c *configCommand) Run(a *app) error {
	j, err := a.job("config", c)
	if err != nil {
		return err
	}
	l, apache, python, err := built(a, j, true)
	if err != nil {
		return err
	}
	return verbs.Config(j, l, apache, python)
}

type locationCommand struct{}

func (c *locationCommand) Run(a *app) error {
	j, err := a.job("config", c)
	if err != nil {
		return err
	}
	l, _, _, err := built(a, j, true)
	if err == nil {
		_, err = fmt.Fprintln(os.Stdout, l.Module)
	}
	return err
}

type installCommand struct {
	ModulesDirectory string `placeholder:"DIR" help:"The folder to install into; Apache's own otherwise."`
	Dryrun           *bool  `opt:"dryrun" help:"${dryrun}"`
}

func (c *installCommand) Run(a *app) error {
	j, err := a.job("install-module", c)
	if err != nil {
		return err
	}
	from, apache, python, err := built(a, j, false)
	if err != nil {
		return err
	}
	to := c.ModulesDirectory
	if to == "" {
		to = apache.ModulesDir
	}
	if to, err = filepath.Abs(to); err != nil {
		return err
	}
	return verbs.InstallModule(a.ctx, j, from, to, apache, python)
}
