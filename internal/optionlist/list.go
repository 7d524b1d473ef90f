package optionlist

import (
	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/option"
	"github.com/gosentinel/sentinel/internal/scripts"
	"github.com/gosentinel/sentinel/monitor"
)

// Scope tells what an option belongs to.
type Scope uint8

// The scopes.
const (
	OfMaster  Scope = iota // one master
	Global                 // this Sentinel among the others
	OfProcess              // sockets, log, access
	OfPeriods              // periods that are changed for tests, and not saved
)

// Section is the options of one scope.
type Section struct {
	Scope   Scope
	Options []option.Description
}

// All returns every option that an operator can set.
func All() []Section {
	const settable = ^option.Where(0)
	return []Section{
		{OfMaster, monitor.MasterOptions().Select(settable).Describe()},
		{Global, monitor.GlobalOptions().Select(settable).Describe()},
		{OfProcess, configrewrite.SettingOptions().Select(settable).Describe()},
		{OfPeriods, append(monitor.TunableOptions().Select(settable).Describe(), scripts.PeriodOptions().Select(settable).Describe()...)},
	}
}
