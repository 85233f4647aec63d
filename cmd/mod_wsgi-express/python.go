package main

import "modwsgi/internal/verbs"

type pythonCommand struct {
	CPython    *string `opt:"cpython" name:"cpython" placeholder:"SOURCE" help:"${cpython}"`
	MatrixFile *string `opt:"matrix_file" placeholder:"FILE" help:"${matrix_file}"`
	Cache      *string `opt:"cache" placeholder:"DIR" help:"${cache}"`
	Jobs       *int    `opt:"jobs" placeholder:"N" help:"${jobs}"`
	Color      *string `opt:"color" placeholder:"WHEN" help:"${color}"`
	Offline    *bool   `opt:"offline" help:"${offline}"`
	Dryrun     *bool   `opt:"dryrun" help:"${dryrun}"`
	printFlags
	Version string `arg:"" optional:"" help:"3.13, 3.13.5, or 3.13t without the GIL."`
}

// Run makes a Python and says where it is.
func (c *pythonCommand) Run(a *app) error { return a.do("python", c, verbs.MakePython(c.Version)) }
