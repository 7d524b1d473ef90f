package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// Access says who may look. The zero value lets everybody in. Whoever has the password
// or the token is let in. Printing an Access does not print either.
type Access struct {
	User     string // that goes with Password; "" takes any
	Password string // for HTTP basic authentication; "" is none
	Token    string // bearer token; "" is none
	// Hosts are names of this site, beside localhost and the name of the machine. They matter
	// where nobody has to log in: see [Server].
	Hosts []string
}

// Everybody is the access of a site that asks nobody to log in.
func Everybody() Access { return Access{} }

// Open reports whether everybody may look.
func (a Access) Open() bool { return a.Password == "" && a.Token == "" }

// String says what is asked for.
func (a Access) String() string {
	switch {
	case a.Open():
		return "open"
	case a.Password == "":
		return "token"
	case a.Token == "":
		return "password"
	}
	return "password or token"
}

// GoString is String.
func (a Access) GoString() string { return a.String() }

// LogValue is String.
func (a Access) LogValue() slog.Value { return slog.StringValue(a.String()) }

func (a Access) allows(r *http.Request) bool {
	if a.Open() {
		return true
	}
	if user, password, ok := r.BasicAuth(); ok {
		return a.Password != "" && same(password, a.Password) && (a.User == "" || same(user, a.User))
	}
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return a.Token != "" && strings.EqualFold(kind, "Bearer") && same(strings.TrimSpace(token), a.Token)
}

// same compares in a time that tells nothing.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func (a Access) challenge(w http.ResponseWriter) {
	kind := "Basic"
	if a.Password == "" {
		kind = "Bearer"
	}
	w.Header().Set("WWW-Authenticate", kind+` realm="gosentinel"`)
	plain(w)
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte("This asks for a " + a.String() + ".\n"))
}

// misled reports whether a request may come from a page of somebody else. A name of theirs can
// be made to lead to 127.0.0.1 after a browser has loaded the page, which may then read what is
// there (DNS rebinding). Such a browser asks for that name. A login, or the name in a
// certificate, stops it too, and on other addresses nobody knows which names are right.
func (a Access) misled(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !a.Open() || r.TLS != nil || local == nil || !local.IP.IsLoopback() {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return false
	}
	machine, _ := os.Hostname() // "" is no name that is asked for
	return !slices.ContainsFunc(append(slices.Clone(a.Hosts), machine), func(name string) bool { return strings.EqualFold(name, host) })
}
