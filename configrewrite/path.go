package configrewrite

import "path/filepath"

// InDir returns path as a configuration means it whose "dir" option is dir:
// relative paths start there. "" stays "", which stands for no file.
func InDir(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
