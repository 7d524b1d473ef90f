// Package tomlfile reads a TOML file into structs and names every mistake at once,
// each with its file, its line and what to do about it.
//
//	type config struct {
//		Poll   time.Duration `toml:"poll"` // "5s"
//		Target []struct {
//			File string `toml:"file"`
//		} `toml:"target"` // [[target]]
//	}
//	var c config
//	doc := tomlfile.Parse("agent.toml", text)
//	doc.Top().Decode(&c)
//	if err := doc.Err(); err != nil { … } // agent.toml:7: unknown key "fiel" in [[target]] (did you mean "file"?)
//
// Syntax is what the TOML library says it is. This package exists because that
// library stops at the first mistake and does not tell where a key that nobody
// wanted stands.
package tomlfile
