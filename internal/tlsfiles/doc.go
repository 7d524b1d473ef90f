// Package tlsfiles reads the certificates, keys and authorities that a
// configuration's TLS options name, and keeps them current. When the files
// change, or on demand, new handshakes use the new files; open connections stay
// as they are. Invalid files never replace those in use.
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
