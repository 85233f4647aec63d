package main

import (
	"os"

	"modwsgi/expressgen"
	"modwsgi/internal/cli"
)

// describeCommand is the name of the command that tells programs of the options
// of start-server. It is not for people, and help does not name it.
const describeCommand = "x-options"

// literal is set in the environment by programs that give arguments as they are
// meant: nothing in them is expanded.
const literal = "MOD_WSGI_EXPRESS_LITERAL"

// describe prints the options as a list of JSON objects.
func describe() error {
	return cli.JSON(os.Stdout, expressgen.Describe())
}

// isLiteral tells whether arguments are to be left as they are. Nobody further
// on is told of it.
func isLiteral() bool {
	_, set := os.LookupEnv(literal)
	os.Unsetenv(literal)
	return set
}
