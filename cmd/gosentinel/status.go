package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/doctor"
	"github.com/gosentinel/sentinel/internal/overview"
)

// treesAtMost is up to how many masters status draws trees unless told otherwise.
const treesAtMost = 3

const statusText = `Shows the masters, their replicas and their Sentinels, as all of these say, and what is wrong.
` + reachText + `

Status: as that of gosentinel doctor, which says what mends it.`

// status returns the command of that name.
func (p *program) status() *cobra.Command {
	r := &reach{}
	var asJSON, tree, table bool
	c := &cobra.Command{
		Use: "status [FILE|ADDRESS...]", Short: "masters, replicas and Sentinels, as a table and a tree", Long: statusText,
		Example: "  gosentinel status 10.0.0.5\n  gosentinel status --master cache --tree /etc/gosentinel/sentinel.conf",
		RunE: func(_ *cobra.Command, args []string) error {
			if err := r.find(args); err != nil {
				return err
			}
			o, err := r.look()
			if err != nil {
				return err
			}
			p.ended(o.Status)
			if asJSON {
				return o.JSON(p.stdout)
			}
			return show(p.stdout, o, table || !tree, tree || !table && len(o.Groups) <= treesAtMost)
		},
	}
	r.flags(c)
	c.Flags().StringVar(&r.master, "master", "", "show the master of this `NAME` only")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&tree, "tree", false, "draw a tree for each master, however many there are")
	c.Flags().BoolVar(&table, "table", false, "print the table alone")
	return c
}

func show(w io.Writer, o *overview.Overview, table, tree bool) error {
	var errs []error
	if table && len(o.Groups) > 0 {
		errs = append(errs, o.Table(w))
	}
	if tree && len(o.Groups) > 0 {
		if table {
			fmt.Fprintln(w)
		}
		errs = append(errs, o.Tree(w))
	}
	return errors.Join(append(errs, o.Rest(w))...)
}

// find takes the arguments of a command that needs no judgement of the file.
func (r *reach) find(args []string) error {
	files, err := r.prepare(args)
	if err != nil {
		return err
	}
	for _, path := range files {
		file, err := configrewrite.Load(path, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := r.use(file); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// look takes an overview.
func (r *reach) look() (*overview.Overview, error) {
	s, err := r.take(false)
	if err != nil {
		return nil, err
	}
	return overview.Of(s, doctor.Options{Master: r.master, OwnLogin: r.file != nil, Own: r.own}), nil
}
