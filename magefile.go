//go:build mage

// Builds, proves and serves Python web applications in Apache httpd: mod_wsgi,
// its daemon hosts and mod_wsgi-express.
//
// Options are flags of a target (-python=3.12), variables (MODWSGI_PYTHON, PYTHON) or lines of modwsgi.toml: docs/options.md.
package main

import (
	"context"

	"github.com/magefile/mage/mg"

	"modwsgi/internal/check"
	"modwsgi/internal/cli"
	"modwsgi/internal/options"
	"modwsgi/internal/quickstart"
	"modwsgi/internal/verbs"
)

// The parameters of a target are its flags, by the names in internal/options; a test compares the two.

// Quickstart installs what is missing, builds, proves the module by real requests and prints the Apache lines.
func Quickstart(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, cache, color *string, jobs *int, allow_static, strict, dryrun, offline *bool) error {
	flags := options.Flags{"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "profile": profile, "builder": builder, "define": define, "rpath": rpath,
		"cache": cache, "color": color, "jobs": jobs, "allow_static": allow_static, "strict": strict, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "quickstart", flags, quickstart.Tour))
}

// Build compiles the module, the supervisor and the Python half into build/, and bin/mod_wsgi-express; -source=SOURCE a release of the original.
func Build(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, install_dir, source, cache, index_url, releases_url, patches, verify_key, output, color *string, jobs *int, packaged, allow_static, strict, allow_http, allow_unverified, allow_untested, dryrun, offline *bool) error {
	flags := options.Flags{"profile": profile, "builder": builder, "define": define, "rpath": rpath, "install_dir": install_dir, "packaged": packaged, "allow_static": allow_static, "strict": strict,
		"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "source": source, "cache": cache, "index_url": index_url,
		"releases_url": releases_url, "patches": patches, "verify_key": verify_key, "output": output, "color": color, "jobs": jobs,
		"allow_http": allow_http, "allow_unverified": allow_unverified, "allow_untested": allow_untested, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "build", flags, quickstart.Build))
}

// Prove starts a temporary Apache with the built module and makes real requests in both modes.
func Prove(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, cache, color *string, jobs *int, allow_static, strict, dryrun, offline *bool) error {
	flags := options.Flags{"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "profile": profile, "builder": builder, "define": define, "rpath": rpath,
		"cache": cache, "color": color, "jobs": jobs, "allow_static": allow_static, "strict": strict, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "prove", flags, quickstart.Prove))
}

// Verify takes the module, or with -source=SOURCE a release of the original, through the levels static, load, config and run.
func Verify(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, source, cache, index_url, releases_url, patches, verify_key, output, color *string, jobs *int, allow_static, strict, allow_http, allow_unverified, allow_untested, accept_broken_config, dryrun, offline *bool) error {
	flags := options.Flags{"profile": profile, "builder": builder, "define": define, "rpath": rpath, "allow_static": allow_static, "strict": strict,
		"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "source": source, "cache": cache, "index_url": index_url,
		"releases_url": releases_url, "patches": patches, "verify_key": verify_key, "output": output, "color": color, "jobs": jobs,
		"allow_http": allow_http, "allow_unverified": allow_unverified, "allow_untested": allow_untested, "accept_broken_config": accept_broken_config, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "verify", flags, verbs.Verify))
}

// Install builds the module, or -source=SOURCE a release of the original, or takes -archive=FILE, installs it where Apache has its modules, tells Apache of it and proves it there: all of it or nothing.
func Install(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, source, archive, cache, index_url, releases_url, patches, verify_key, output, color, state, modules_directory, other_module, destdir *string, jobs *int, allow_static, strict, allow_http, allow_unverified, allow_untested, edit_config, force, restart, accept_broken_config, dryrun, offline *bool) error {
	flags := options.Flags{"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "profile": profile, "builder": builder, "define": define, "rpath": rpath,
		"cache": cache, "output": output, "color": color, "state": state, "modules_directory": modules_directory, "other_module": other_module, "destdir": destdir, "jobs": jobs, "allow_static": allow_static,
		"strict": strict, "edit_config": edit_config, "force": force, "restart": restart, "accept_broken_config": accept_broken_config, "dryrun": dryrun,
		"source": source, "archive": archive, "index_url": index_url, "releases_url": releases_url, "patches": patches, "verify_key": verify_key, "allow_http": allow_http, "allow_unverified": allow_unverified,
		"allow_untested": allow_untested, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "install", flags, verbs.Install))
}

// Uninstall takes away what was installed, and what tells Apache of it; files that were changed since are kept and named.
func Uninstall(ctx context.Context, apxs, apache_config, output, state, modules_directory, flavour *string, force, restore, accept_broken_config, dryrun *bool) error {
	flags := options.Flags{"apxs": apxs, "apache_config": apache_config, "output": output, "state": state, "modules_directory": modules_directory, "flavour": flavour, "force": force, "restore": restore,
		"accept_broken_config": accept_broken_config, "dryrun": dryrun}
	return cli.ForMage(verbs.Do(ctx, "uninstall", flags, verbs.Uninstall))
}

// Rollback puts back what an interrupted change did, or else makes what is installed what it was before the last installation.
func Rollback(ctx context.Context, apxs, apache_config, output, state, modules_directory, flavour *string, accept_broken_config, dryrun *bool) error {
	flags := options.Flags{"apxs": apxs, "apache_config": apache_config, "output": output, "state": state, "modules_directory": modules_directory, "flavour": flavour, "accept_broken_config": accept_broken_config, "dryrun": dryrun}
	return cli.ForMage(verbs.Do(ctx, "rollback", flags, verbs.Rollback))
}

// Check compares what is installed with today's machine, after upgrades above all; exit status 6 if something is not as it was.
func Check(ctx context.Context, apxs, apache_config, hook, output, state, modules_directory, flavour *string) error {
	flags := options.Flags{"apxs": apxs, "apache_config": apache_config, "hook": hook, "output": output, "state": state, "modules_directory": modules_directory, "flavour": flavour}
	return cli.ForMage(verbs.Do(ctx, "check", flags, verbs.CheckInstalled))
}

// Reproduce builds twice from nothing, in two folders, prints the sums of all files and says what differs.
func Reproduce(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, install_dir, source, cache, index_url, releases_url, patches, verify_key, output, color *string, jobs *int, packaged, allow_static, strict, allow_http, allow_unverified, allow_untested, dryrun, offline *bool) error {
	flags := options.Flags{"profile": profile, "builder": builder, "define": define, "rpath": rpath, "install_dir": install_dir, "packaged": packaged, "allow_static": allow_static, "strict": strict,
		"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "source": source, "cache": cache, "index_url": index_url,
		"releases_url": releases_url, "patches": patches, "verify_key": verify_key, "output": output, "color": color, "jobs": jobs,
		"allow_http": allow_http, "allow_unverified": allow_unverified, "allow_untested": allow_untested, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "reproduce", flags, verbs.Reproduce))
}

// Package writes packages of what it builds into dist/: each Python half is one, and goes with the one Apache half.
type Package mg.Namespace

// Deb writes packages for Debian and Ubuntu.
func (Package) Deb(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, source, cache, index_url, releases_url, patches, verify_key, output, color, dist, family, compress, apk_key, revision, sign, maintainer *string, jobs *int, allow_static, strict, allow_http, allow_unverified, allow_untested, dryrun, offline *bool) error {
	flags := options.Flags{"profile": profile, "builder": builder, "define": define, "rpath": rpath, "dist": dist, "family": family, "compress": compress, "apk_key": apk_key, "revision": revision, "sign": sign, "maintainer": maintainer, "allow_static": allow_static, "strict": strict,
		"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "source": source, "cache": cache, "index_url": index_url,
		"releases_url": releases_url, "patches": patches, "verify_key": verify_key, "output": output, "color": color, "jobs": jobs,
		"allow_http": allow_http, "allow_unverified": allow_unverified, "allow_untested": allow_untested, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "package", flags, quickstart.Package("deb")))
}

// Rpm writes packages for Fedora and its relatives.
func (Package) Rpm(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, source, cache, index_url, releases_url, patches, verify_key, output, color, dist, family, compress, apk_key, revision, sign, maintainer *string, jobs *int, allow_static, strict, allow_http, allow_unverified, allow_untested, dryrun, offline *bool) error {
	flags := options.Flags{"profile": profile, "builder": builder, "define": define, "rpath": rpath, "dist": dist, "family": family, "compress": compress, "apk_key": apk_key, "revision": revision, "sign": sign, "maintainer": maintainer, "allow_static": allow_static, "strict": strict,
		"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "source": source, "cache": cache, "index_url": index_url,
		"releases_url": releases_url, "patches": patches, "verify_key": verify_key, "output": output, "color": color, "jobs": jobs,
		"allow_http": allow_http, "allow_unverified": allow_unverified, "allow_untested": allow_untested, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "package", flags, quickstart.Package("rpm")))
}

// Apk writes packages for Alpine.
func (Package) Apk(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, source, cache, index_url, releases_url, patches, verify_key, output, color, dist, family, compress, apk_key, revision, sign, maintainer *string, jobs *int, allow_static, strict, allow_http, allow_unverified, allow_untested, dryrun, offline *bool) error {
	flags := options.Flags{"profile": profile, "builder": builder, "define": define, "rpath": rpath, "dist": dist, "family": family, "compress": compress, "apk_key": apk_key, "revision": revision, "sign": sign, "maintainer": maintainer, "allow_static": allow_static, "strict": strict,
		"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "source": source, "cache": cache, "index_url": index_url,
		"releases_url": releases_url, "patches": patches, "verify_key": verify_key, "output": output, "color": color, "jobs": jobs,
		"allow_http": allow_http, "allow_unverified": allow_unverified, "allow_untested": allow_untested, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "package", flags, quickstart.Package("apk")))
}

// Arch writes packages for Arch.
func (Package) Arch(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, source, cache, index_url, releases_url, patches, verify_key, output, color, dist, family, compress, apk_key, revision, sign, maintainer *string, jobs *int, allow_static, strict, allow_http, allow_unverified, allow_untested, dryrun, offline *bool) error {
	flags := options.Flags{"profile": profile, "builder": builder, "define": define, "rpath": rpath, "dist": dist, "family": family, "compress": compress, "apk_key": apk_key, "revision": revision, "sign": sign, "maintainer": maintainer, "allow_static": allow_static, "strict": strict,
		"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "source": source, "cache": cache, "index_url": index_url,
		"releases_url": releases_url, "patches": patches, "verify_key": verify_key, "output": output, "color": color, "jobs": jobs,
		"allow_http": allow_http, "allow_unverified": allow_unverified, "allow_untested": allow_untested, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "package", flags, quickstart.Package("arch")))
}

// Tar writes archives that can be unpacked anywhere, and installed from there.
func (Package) Tar(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, source, cache, index_url, releases_url, patches, verify_key, output, color, dist, family, compress, apk_key, revision, sign, maintainer *string, jobs *int, allow_static, strict, allow_http, allow_unverified, allow_untested, dryrun, offline *bool) error {
	flags := options.Flags{"profile": profile, "builder": builder, "define": define, "rpath": rpath, "dist": dist, "family": family, "compress": compress, "apk_key": apk_key, "revision": revision, "sign": sign, "maintainer": maintainer, "allow_static": allow_static, "strict": strict,
		"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "source": source, "cache": cache, "index_url": index_url,
		"releases_url": releases_url, "patches": patches, "verify_key": verify_key, "output": output, "color": color, "jobs": jobs,
		"allow_http": allow_http, "allow_unverified": allow_unverified, "allow_untested": allow_untested, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "package", flags, quickstart.Package("tar")))
}

// Wheel writes a wheel, which pip installs with mod_wsgi-express.
func (Package) Wheel(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, source, cache, index_url, releases_url, patches, verify_key, output, color, dist, family, compress, apk_key, revision, sign, maintainer *string, jobs *int, allow_static, strict, allow_http, allow_unverified, allow_untested, dryrun, offline *bool) error {
	flags := options.Flags{"profile": profile, "builder": builder, "define": define, "rpath": rpath, "dist": dist, "family": family, "compress": compress, "apk_key": apk_key, "revision": revision, "sign": sign, "maintainer": maintainer, "allow_static": allow_static, "strict": strict,
		"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "source": source, "cache": cache, "index_url": index_url,
		"releases_url": releases_url, "patches": patches, "verify_key": verify_key, "output": output, "color": color, "jobs": jobs,
		"allow_http": allow_http, "allow_unverified": allow_unverified, "allow_untested": allow_untested, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "package", flags, quickstart.Package("wheel")))
}

// All writes packages of every format.
func (Package) All(ctx context.Context, apxs, python, apache_config, python_config, profile, builder, define, rpath, source, cache, index_url, releases_url, patches, verify_key, output, color, dist, family, compress, apk_key, revision, sign, maintainer *string, jobs *int, allow_static, strict, allow_http, allow_unverified, allow_untested, dryrun, offline *bool) error {
	flags := options.Flags{"profile": profile, "builder": builder, "define": define, "rpath": rpath, "dist": dist, "family": family, "compress": compress, "apk_key": apk_key, "revision": revision, "sign": sign, "maintainer": maintainer, "allow_static": allow_static, "strict": strict,
		"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "source": source, "cache": cache, "index_url": index_url,
		"releases_url": releases_url, "patches": patches, "verify_key": verify_key, "output": output, "color": color, "jobs": jobs,
		"allow_http": allow_http, "allow_unverified": allow_unverified, "allow_untested": allow_untested, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "package", flags, quickstart.Package("all")))
}

// Matrix is every combination of Apache, MPM, Python and mode, as matrix.toml and this machine have them: -cells chooses.
type Matrix mg.Namespace

// List lists the cells: which are skipped and why, which are known to fail, which are required.
func (Matrix) List(ctx context.Context, apxs, python, apache_config, python_config, cells, changed, matrix_file, output *string) error {
	flags := options.Flags{"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "cells": cells, "changed": changed,
		"matrix_file": matrix_file, "output": output}
	return cli.ForMage(verbs.Do(ctx, "matrix:list", flags, verbs.MatrixList()))
}

// Plan writes plan.json, which says what is run, on how many machines.
func (Matrix) Plan(ctx context.Context, apxs, python, apache_config, python_config, cells, changed, matrix_file, plan, timings, output *string, shards *int, dryrun *bool) error {
	flags := options.Flags{"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "cells": cells, "changed": changed,
		"matrix_file": matrix_file, "plan": plan, "timings": timings, "output": output, "shards": shards, "dryrun": dryrun}
	return cli.ForMage(verbs.Do(ctx, "matrix:plan", flags, verbs.MatrixPlan()))
}

// Github gives GitHub Actions a matrix of jobs, within its limits, and writes plan.json.
func (Matrix) Github(ctx context.Context, apxs, python, apache_config, python_config, cells, changed, matrix_file, plan, timings, output *string, shards *int, dryrun *bool) error {
	flags := options.Flags{"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "cells": cells, "changed": changed,
		"matrix_file": matrix_file, "plan": plan, "timings": timings, "output": output, "shards": shards, "dryrun": dryrun}
	return cli.ForMage(verbs.Do(ctx, "matrix:github", flags, verbs.MatrixGithub()))
}

// Gitlab prints a child pipeline of GitLab, within its limits, and writes plan.json.
func (Matrix) Gitlab(ctx context.Context, apxs, python, apache_config, python_config, cells, changed, matrix_file, plan, timings, output *string, shards *int, ci_nodes, dryrun *bool) error {
	flags := options.Flags{"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "cells": cells, "changed": changed,
		"matrix_file": matrix_file, "plan": plan, "timings": timings, "output": output, "shards": shards, "ci_nodes": ci_nodes, "dryrun": dryrun}
	return cli.ForMage(verbs.Do(ctx, "matrix:gitlab", flags, verbs.MatrixGitlab()))
}

// Run builds what the cells need, each thing once, runs them, and writes the reports into build/matrix: report.html, summary.md, junit.xml.
func (Matrix) Run(ctx context.Context, apxs, python, apache_config, python_config, cells, changed, matrix_file, plan, results, timings, shard, failed, here, budget, output, color *string, parallel *int, keep, dryrun *bool) error {
	flags := options.Flags{"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "cells": cells, "changed": changed,
		"matrix_file": matrix_file, "plan": plan, "results": results, "timings": timings, "shard": shard, "failed": failed, "here": here, "budget": budget, "output": output, "color": color, "parallel": parallel, "keep": keep, "dryrun": dryrun}
	return cli.ForMage(verbs.Do(ctx, "matrix:run", flags, verbs.MatrixRun(quickstart.Express)))
}

// Merge puts the results of shards together, from folders or folders of them, and makes all reports again.
func (Matrix) Merge(ctx context.Context, folders string, plan, results, output *string, dryrun *bool) error {
	flags := options.Flags{"plan": plan, "results": results, "output": output, "dryrun": dryrun}
	return cli.ForMage(verbs.Do(ctx, "matrix:merge", flags, verbs.MatrixMergeLine(folders)))
}

// Repro prints the command that runs one cell again.
func (Matrix) Repro(ctx context.Context, cell string, output *string) error {
	flags := options.Flags{"output": output}
	return cli.ForMage(verbs.Do(ctx, "matrix:repro", flags, verbs.MatrixRepro(cell)))
}

// Sheet writes the conformance sheet of a run into build/matrix: promises by mode and Python, sanitizers, long runs, others beside ours.
func (Matrix) Sheet(ctx context.Context, results, output *string, dryrun *bool) error {
	flags := options.Flags{"results": results, "output": output, "dryrun": dryrun}
	return cli.ForMage(verbs.Do(ctx, "matrix:sheet", flags, verbs.MatrixSheet()))
}

// VerifyArtifacts reads all packages in dist/ again, with what lies beside them; exit status 4 names each fault.
func VerifyArtifacts(ctx context.Context, dist, output *string) error {
	return cli.ForMage(verbs.Do(ctx, "verifyartifacts", options.Flags{"dist": dist, "output": output}, verbs.VerifyArtifacts))
}

// Config prints the lines that load the module in build/.
func Config(ctx context.Context, apxs, python, apache_config, python_config, format, output *string) error {
	flags := options.Flags{"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "format": format, "output": output}
	return cli.ForMage(verbs.Do(ctx, "config", flags, quickstart.Config))
}

// Discover lists the Apaches and Pythons of this machine, which are usable and how to choose one.
func Discover(ctx context.Context, output *string) error {
	return cli.ForMage(verbs.Do(ctx, "discover", options.Flags{"output": output}, verbs.Discover))
}

// Apaches lists the Apaches of this machine.
func Apaches(ctx context.Context, output *string) error {
	return cli.ForMage(verbs.Do(ctx, "apaches", options.Flags{"output": output}, verbs.Apaches))
}

// Pythons lists the Pythons of this machine.
func Pythons(ctx context.Context, output *string) error {
	return cli.ForMage(verbs.Do(ctx, "pythons", options.Flags{"output": output}, verbs.Pythons))
}

// Inspect says what a linked file needs, exports and is protected by.
func Inspect(ctx context.Context, file string, output *string, strict *bool) error {
	return cli.ForMage(verbs.Do(ctx, "inspect", options.Flags{"output": output, "strict": strict}, verbs.Inspect(file)))
}

// Doctor says what keeps the module from working on this machine, and what to type.
func Doctor(ctx context.Context, apxs, python, apache_config, python_config, output *string, redact *bool) error {
	flags := options.Flags{"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "output": output, "redact": redact}
	return cli.ForMage(verbs.Do(ctx, "doctor", flags, verbs.Doctor("", false)))
}

// Explain says what a build output or an error log means, and what to type; - is the standard input.
func Explain(ctx context.Context, file string, output *string, redact *bool) error {
	return cli.ForMage(verbs.Do(ctx, "explain", options.Flags{"output": output, "redact": redact}, verbs.Explain(file)))
}

// Fetch brings a release of the original, checks it and keeps it.
func Fetch(ctx context.Context, source string, cache, index_url, releases_url, patches, verify_key, output *string, allow_http, allow_unverified, dryrun, offline, update *bool) error {
	flags := options.Flags{"cache": cache, "index_url": index_url, "releases_url": releases_url, "patches": patches, "verify_key": verify_key, "output": output, "allow_http": allow_http, "allow_unverified": allow_unverified, "dryrun": dryrun, "offline": offline, "update": update}
	return cli.ForMage(verbs.Do(ctx, "fetch", flags, verbs.Fetch(source)))
}

// Python makes a CPython of its sources into the cache, where it is found afterwards: 3.13, or 3.13t without the GIL.
func Python(ctx context.Context, version string, cpython, matrix_file, cache, output, color *string, jobs *int, dryrun, offline *bool) error {
	flags := options.Flags{"cpython": cpython, "matrix_file": matrix_file, "cache": cache, "output": output, "color": color, "jobs": jobs, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "python", flags, verbs.MakePython(version)))
}

// Test installs what the tests need, then runs all of them.
func Test(ctx context.Context, dryrun, offline *bool) error {
	return cli.ForMage(verbs.Do(ctx, "test", options.Flags{"dryrun": dryrun, "offline": offline}, check.Test))
}

// Lint runs gofmt, go vet (also on this file), staticcheck and the C compiler with warnings as errors.
func Lint(ctx context.Context, dryrun, offline *bool) error {
	return cli.ForMage(verbs.Do(ctx, "lint", options.Flags{"dryrun": dryrun, "offline": offline}, check.Lint))
}

// CI runs test, lint and the slower tiers, and ends with a line of counts.
func CI(ctx context.Context, dryrun, offline *bool) error {
	return cli.ForMage(verbs.Do(ctx, "ci", options.Flags{"dryrun": dryrun, "offline": offline}, check.CI))
}

// Bench races the module against its peers and writes tables, a plot and the budgets into build/bench; -bench=quick makes it short.
func Bench(ctx context.Context, apxs, python, apache_config, python_config, bench, bench_only *string, dryrun, offline *bool) error {
	flags := options.Flags{"apxs": apxs, "python": python, "apache_config": apache_config, "python_config": python_config, "bench": bench, "bench_only": bench_only, "dryrun": dryrun, "offline": offline}
	return cli.ForMage(verbs.Do(ctx, "bench", flags, quickstart.Bench))
}

// Clean removes build/ and bin/, and what is old or too much in the cache.
func Clean(ctx context.Context, cache *string, cache_age, cache_size *int, dryrun *bool) error {
	return cli.ForMage(verbs.Do(ctx, "clean", options.Flags{"cache": cache, "cache_age": cache_age, "cache_size": cache_size, "dryrun": dryrun}, quickstart.Clean))
}
