// Package overview puts a survey in order for readers: a table of masters, a tree of what
// belongs to each, and what is wrong.
//
//	o := overview.Of(survey.Take(ctx, options), doctor.Options{})
//	o.Table(&text)
//	o.Tree(&text)
//
// It is pure, as package doctor is, which says what is wrong.
package overview
