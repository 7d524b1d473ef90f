// Package tlsfiles reads the certificates, keys and authorities that the TLS
// options of a configuration name, and keeps them current: when the files
// change, or on demand, new handshakes use the new ones and open connections
// stay as they are. Files that cannot be used never replace those in force.
//
//	keeper, err := tlsfiles.New(settings.TLS, settings.Dir)
//	...
//	ln = listen.TLS(ln, keeper.ServerConfig, log) // asks for each connection
//	pool := link.New(link.Config{TLS: keeper.ClientConfig()})
//
// The options have the meaning that OpenSSL gives them: cipher lists, hashed
// directories of authorities, encrypted private keys (wire.md §9.2,
// Generic directives).
package tlsfiles
