package agent

import (
	"bytes"
	"fmt"
	"os"
	"text/template"
)

// Template renders a file from a Go template over the groups.
type Template struct {
	Common
	FileSettings
	Template string `toml:"template"` // the file with the template
	Text     string `toml:"text"`     // or its text
	// Partial renders while groups have no master yet: Group.Known tells which do.
	Partial bool `toml:"partial"`
}

func (t *Template) check(wrong problems, dir string) {
	t.Type = "template"
	t.FileSettings.check(wrong, dir)
	t.needFile(wrong)
	absolute(dir, &t.Template)
	t.describe(t.File)
	switch {
	case (t.Template == "") == (t.Text == ""):
		wrong("template", "add one of them", "a template target needs a file, named by template, or a text")
	case t.Text != "":
		if _, err := parseTemplate("text", t.Text); err != nil {
			wrong("text", "see docs/agent.md for what a template may have", "%v", err)
		}
	default:
		if _, err := t.source(); err != nil {
			wrong("template", "", "%v", err)
		}
	}
}

func (t *Template) open(e *environment) []*job {
	return fileJob(&t.Common, t.FileSettings, t.render, fileWords{"Saving " + t.File, "Command has run with output: "}, e)
}

// maxTemplate bounds a template.
const maxTemplate = 4 << 20

// source reads the template, anew each time: it may be edited.
func (t *Template) source() (*template.Template, error) {
	if t.Text != "" {
		return parseTemplate("text", t.Text)
	}
	text, err := os.ReadFile(t.Template)
	if err != nil {
		return nil, err
	}
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("%s is larger than %d MiB", t.Template, maxTemplate>>20)
	}
	return parseTemplate(t.Template, string(text))
}

func parseTemplate(name, text string) (*template.Template, error) {
	return template.New(name).Option("missingkey=error").Funcs(templateFuncs(nil)).Parse(text)
}

func (t *Template) render(_ []byte, s Snapshot) ([]byte, []string, error) {
	if missing := s.unknown(); len(missing) > 0 && !t.Partial {
		return nil, nil, &waiting{missing}
	}
	tmpl, err := t.source()
	if err != nil {
		return nil, nil, err
	}
	var out bytes.Buffer
	err = tmpl.Funcs(templateFuncs(s)).Execute(&limited{&out}, struct{ Groups Snapshot }{s})
	return append([]byte{}, out.Bytes()...), nil, err
}

// limited refuses what is more than a file may be.
type limited struct{ to *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.to.Len()+len(p) > maxFile {
		return 0, fmt.Errorf("the template makes more than %d MiB", maxFile>>20)
	}
	return l.to.Write(p)
}

// fileJob is the job of a target that is one file.
func fileJob(c *Common, f FileSettings, r renderer, w fileWords, e *environment) []*job {
	return []*job{newJob(c, c.Name, fileEvery, &fileWorker{FileSettings: f, render: r, words: w, log: e.log})}
}
