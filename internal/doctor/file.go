package doctor

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/errtext"
)

// Mistakes adds why a Sentinel does not start with a file.
func (r *Report) Mistakes(path string, err error) {
	for _, e := range errtext.Parts(err) {
		var config *configrewrite.Error
		var unwritable *configrewrite.NotWritableError
		switch {
		case errors.As(e, &config):
			for _, p := range config.Problems {
				f := Finding{Kind: "file-mistake", Where: []string{place(p.File, p.Line)}, What: sentence(p.Message), Mend: []string{"correct " + place(p.File, p.Line)}}
				if p.Line == 0 {
					f.Mend = []string{shell("ls", "-l", p.File) + "    # as the user of the Sentinel"}
				}
				if p.Text != "" {
					f.What = fmt.Sprintf("%s  In: %s", f.What, p.Text)
				}
				if p.Hint != "" {
					f.Mend = []string{p.Hint}
				}
				r.add(f)
			}
		case errors.As(e, &unwritable):
			r.add(Finding{Kind: "file-not-writable", Where: []string{unwritable.Path}, What: sentence(unwritable.Error()),
				Mend: []string{shell("chown", "gosentinel:", unwritable.Path) + "    # the user of the process; or write: state-file <path that it may write>"}})
		default:
			r.add(Finding{Kind: "file-mistake", Where: []string{path}, What: sentence(upper(errtext.OneLine(e))), Mend: []string{"correct " + path}})
		}
	}
}

// File adds what is questionable in a file with which a Sentinel starts, on a machine with
// the addresses own. The warnings may repeat the advice.
func (r *Report) File(path string, advice []configrewrite.Advice, warnings []string, own []netip.Addr) {
	for _, a := range advice {
		warnings = slices.DeleteFunc(slices.Clone(warnings), func(w string) bool { return w == a.String() })
		var level Level // of the kind
		if a.Bind != nil && !exposed(a.Bind, own) {
			level = Note // whoever is in a private network is often trusted
		}
		r.add(Finding{Kind: a.Kind, Level: level, Master: a.Master, Where: []string{place(a.File, a.Line)}, What: sentence(upper(strings.TrimPrefix(a.Message, "master "+a.Master+": "))), Mend: []string{a.Hint}})
	}
	for _, w := range warnings {
		where, what := path, w
		if strings.HasPrefix(w, path) {
			if at, rest, ok := strings.Cut(w, ": "); ok {
				where, what = at, rest
			}
		}
		f := Finding{Kind: "file-warning", Where: []string{where}, What: sentence(upper(what)), Mend: []string{"correct " + where + ", if it is not meant so"}}
		switch {
		case strings.Contains(w, "written in place"):
			f.Kind = "file-in-place"
			f.Mend = []string{"mount the directory and not the file, or write: state-file <path in a directory that may be written to>"}
		case strings.HasPrefix(what, "rename-command "):
			word := strings.TrimSuffix(strings.Fields(what)[1], ":")
			f.Kind = "command-renamed"
			f.Mend = []string{"remove the line rename-command " + word + " from " + path + ", and start the Sentinel again"}
		case strings.Contains(w, "announce-ip"):
			f.Kind = "announced-address"
			f.Mend = []string{"sentinel announce-ip <address that all reach>"}
		}
		r.add(f)
	}
	r.Looked = append(r.Looked, "the file "+path)
}

// exposed reports whether somebody outside of private networks can reach what is bound to
// these addresses, on a machine with the addresses own.
func exposed(bind []string, own []netip.Addr) bool {
	return slices.ContainsFunc(bind, func(word string) bool {
		word = strings.TrimPrefix(word, "-")
		ip, err := netip.ParseAddr(word)
		switch {
		case word == "*" || word == "::*" || err == nil && ip.IsUnspecified():
			return slices.ContainsFunc(own, public)
		case err != nil:
			return true // who knows where a name leads
		}
		return public(ip)
	})
}

// behindCarriers are the addresses that providers and overlay networks use as private ones.
var behindCarriers = netip.MustParsePrefix("100.64.0.0/10")

func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !behindCarriers.Contains(ip)
}

func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
