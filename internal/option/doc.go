// Package option describes the options of a struct as rows of a table: how an
// option is called, which values it takes, which field holds it, what it is by
// default, and who may set it.
//
// A row is the place that knows an option. The readers and writers of both
// file formats, SENTINEL SET, SENTINEL CONFIG, SENTINEL DEBUG and the generated
// list of options all work from it, so that adding an option is adding a row.
//
//	var table = option.Table[Config]{
//		option.Of(option.Spec{Name: "port", Hi: 65535, …}, func(c *Config) *int { return &c.Port }, 26379),
//	}
//
// A table stands beside its struct. The Go type of the field decides how words
// become a value and back; a field of another type than those of [Of] comes
// with a [Value].
//
// Files and commands differ in what they tolerate, as they do in the originals.
// [Row.SetLine] reads what a line of a sentinel.conf says; [Row.SetCommand] reads
// the values of a command, and is strict.
//
// The package is pure: the core applies its tables. Rows are not changed after
// their construction, and are safe for concurrent use.
package option
