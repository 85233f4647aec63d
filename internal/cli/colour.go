package cli

import "io"

// Colour tells whether what is written to w may have colours (rule T-5): only
// where a person looks at a terminal that has them, and nobody says otherwise.
// setting is the option color, auto or never.
func Colour(w io.Writer, setting string, getenv func(string) string) bool {
	return setting != "never" && Terminal(w) && colours(getenv)
}

func colours(getenv func(string) string) bool {
	return getenv("NO_COLOR") == "" && getenv("CI") == "" && getenv("TERM") != "dumb"
}

// paint puts text into one of the terminal's colours.
func paint(text, code string) string { return "\x1b[" + code + "m" + text + "\x1b[0m" }

const (
	red   = "31"
	green = "32"
)
