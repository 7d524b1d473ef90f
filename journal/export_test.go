package journal

// TitleOf returns the first line of a file of a version.
func TitleOf(version int) string { return string(appendTitle(nil, version)) }
