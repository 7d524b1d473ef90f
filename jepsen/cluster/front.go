package cluster

// Front is a program in front of servers, such as a proxy. It passes PING on.
type Front struct{ *node }

// StartFront starts such a program: spec.Command, followed by the path of its
// configuration file, which gets the name file. It does not wait until it listens.
func (c *Cluster) StartFront(file string, spec NodeSpec) (*Front, error) {
	n, err := c.add(spec, file, false, func(conf string) []string { return concat(spec.Command, []string{conf}, spec.Args) })
	if err != nil {
		return nil, err
	}
	f := &Front{n}
	return f, f.Start()
}
