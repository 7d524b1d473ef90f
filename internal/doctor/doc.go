// Package doctor judges what a configuration file and a survey of Sentinels and servers say,
// and names what will not work, with the command that mends it.
//
//	report := doctor.Report{}
//	report.Judge(survey.Take(ctx, options), doctor.Options{})
//	report.Sort()
//	report.Print(os.Stdout)
//
// It is pure: it asks nobody. Each kind of finding is a row in kinds.go, most dangerous first,
// and has a line in docs/doctor.md. A group that is sound yields no finding.
package doctor
