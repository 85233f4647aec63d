package expressgen

import "reflect"

// Described is an option as other programs are told of it: the Django command
// runmodwsgi makes its own of the same names.
type Described struct {
	Name       string `json:"name"` // without the dashes
	Arity      int    `json:"arity"`
	Type       string `json:"type"` // "str", "int", "float" or "bool"
	Default    string `json:"default,omitempty"`
	Help       string `json:"help"`
	Metavar    string `json:"metavar,omitempty"`
	Repeatable bool   `json:"repeatable"`
}

// Describe lists the options that Options has, in the order of its fields.
func Describe() []Described {
	table := Table()
	out := make([]Described, 0, len(table))
	for i, o := range table {
		f := reflect.TypeFor[Options]().Field(i)
		d := Described{
			Name: o.Name, Arity: o.Words, Type: map[Kind]string{Text: "str", Integer: "int", Number: "float"}[o.Kind],
			Default: f.Tag.Get("default"), Help: f.Tag.Get("help"), Metavar: f.Tag.Get("placeholder"),
			Repeatable: f.Type.Kind() == reflect.Slice,
		}
		if o.Words == 0 {
			d.Type = "bool"
		}
		out = append(out, d)
	}
	return out
}
