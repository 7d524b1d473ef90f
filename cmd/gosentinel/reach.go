package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gosentinel/sentinel/configrewrite"
	"github.com/gosentinel/sentinel/internal/survey"
	"github.com/gosentinel/sentinel/internal/tlsfiles"
	"github.com/gosentinel/sentinel/monitor"
)

// sentinelPort is asked where an address has no port.
const sentinelPort = "26379"

// Where passwords are taken from. On a command line all users of a machine would see them.
const (
	sentinelAuth = "REDISCLI_AUTH"
	serverAuth   = "GOSENTINEL_SERVER_AUTH"
)

// reach is how commands that ask Sentinels and servers find them and log in.
type reach struct {
	user, serverUser  string
	tls, serverTLS    bool
	cacert, cert, key string
	insecure          bool
	master            string
	timeout           time.Duration

	file *configrewrite.File // of a Sentinel; nil when none was named
	own  string              // the address of that Sentinel
	opt  survey.Options
}

// reachText is the part of a description that all these commands share.
const reachText = `
An ADDRESS is host or host:port of a Sentinel or a server; the others are found from there.
A FILE is the configuration of a Sentinel, which has the address and all passwords. Without
either, the Sentinel at 127.0.0.1:26379 is asked. Passwords are taken from the environment:
REDISCLI_AUTH for Sentinels, GOSENTINEL_SERVER_AUTH for servers.`

// flags adds the flags of these commands.
func (r *reach) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&r.user, "user", "", "log in at Sentinels as `NAME`")
	f.StringVar(&r.serverUser, "server-user", "", "log in at servers as `NAME`")
	f.BoolVar(&r.tls, "tls", false, "connect to Sentinels with TLS")
	f.BoolVar(&r.serverTLS, "server-tls", false, "connect to servers with TLS")
	f.StringVar(&r.cacert, "cacert", "", "`FILE` with the authorities to trust, in place of those of the system")
	f.StringVar(&r.cert, "cert", "", "`FILE` with the certificate to show")
	f.StringVar(&r.key, "key", "", "`FILE` with its key")
	f.BoolVar(&r.insecure, "insecure", false, "believe any certificate")
	f.DurationVar(&r.timeout, "timeout", 20*time.Second, "end with what is known after this time")
	_ = c.RegisterFlagCompletionFunc("master", cobra.NoFileCompletions)
}

// looksLikeFile reports whether an argument is a file and no address.
func looksLikeFile(arg string) bool {
	return strings.ContainsAny(arg, "/\\") || strings.HasSuffix(arg, ".conf") || strings.HasSuffix(arg, ".toml") || exists(arg)
}

// address completes an address.
func address(arg string) (string, error) {
	host, port, err := net.SplitHostPort(arg)
	if err != nil {
		host, port = strings.Trim(arg, "[]"), sentinelPort
		if _, bad := netip.ParseAddr(host); strings.Contains(host, ":") && bad != nil {
			return "", fmt.Errorf("%q is neither an address nor a file", arg)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, " \t\n\"'<>|;&") {
		return "", fmt.Errorf("%q is neither an address nor a file", arg)
	}
	return net.JoinHostPort(host, port), nil
}

// prepare makes options of the arguments.
func (r *reach) prepare(args []string) (files []string, err error) {
	var plain *tls.Config
	if r.tls || r.serverTLS {
		if plain, err = r.tlsConfig(); err != nil {
			return nil, err
		}
	}
	r.opt = survey.Options{Master: r.master, Sentinel: survey.Access{User: r.user, Password: os.Getenv(sentinelAuth)}}
	server := survey.Access{User: r.serverUser, Password: os.Getenv(serverAuth)}
	if r.tls {
		r.opt.Sentinel.TLS = plain
	}
	if r.serverTLS {
		server.TLS = plain
	}
	r.opt.Server = func(string) survey.Access { return server }
	for _, arg := range args {
		if looksLikeFile(arg) {
			files = append(files, arg)
			continue
		}
		addr, err := address(arg)
		if err != nil {
			return nil, err
		}
		r.opt.Addrs = append(r.opt.Addrs, addr)
	}
	switch {
	case len(files) > 1:
		return nil, errors.New("it takes one file at most")
	case len(args) == 0:
		r.opt.Addrs = []string{net.JoinHostPort("127.0.0.1", sentinelPort)}
	}
	return files, nil
}

func (r *reach) tlsConfig() (*tls.Config, error) {
	cfg := &tls.Config{InsecureSkipVerify: r.insecure}
	if r.cacert != "" {
		text, err := os.ReadFile(r.cacert)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate", r.cacert)
		}
	}
	if r.cert != "" || r.key != "" {
		pair, err := tls.LoadX509KeyPair(r.cert, r.key)
		if err != nil {
			return nil, fmt.Errorf("--cert and --key: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// use takes addresses and passwords from the file of a Sentinel.
func (r *reach) use(file *configrewrite.File) error {
	r.file = file
	set, state := file.Settings(), file.State()
	if tlsfiles.Used(set.TLS) {
		keeper, err := tlsfiles.New(set.TLS, set.Dir)
		if err != nil {
			return err
		}
		if set.TLS.Replication || set.Port == 0 {
			r.opt.Sentinel.TLS = keeper.ClientConfig()
		}
	}
	if r.opt.Sentinel.Password == "" {
		r.opt.Sentinel.User, r.opt.Sentinel.Password = state.Options.SentinelUser, cmp.Or(state.Options.SentinelPass, set.RequirePass)
	}
	masters := map[string]*monitor.MasterState{}
	for _, m := range state.Masters {
		masters[m.Name] = m
		if r.master == "" || r.master == m.Name {
			r.opt.Seeds = append(r.opt.Seeds, survey.Seed{Addr: net.JoinHostPort(m.Addr.Host, strconv.Itoa(m.Addr.Port)), Master: m.Name})
		}
	}
	given := r.opt.Server
	r.opt.Server = func(master string) survey.Access {
		a := given(master)
		if set.TLS.Replication {
			a.TLS = r.opt.Sentinel.TLS
		}
		if m := masters[master]; m != nil && a.Password == "" {
			a.User, a.Password = m.AuthUser, m.AuthPass
		}
		return a
	}
	r.opt.Command = func(master, name string) string {
		if m := masters[master]; m != nil {
			return m.Rename.Map(name)
		}
		return name
	}
	if own := ownAddress(set); own != "" {
		r.own = own
		r.opt.Addrs = append(r.opt.Addrs, own)
	}
	return nil
}

// ownAddress is where a Sentinel with these settings answers on this machine.
func ownAddress(set configrewrite.Settings) string {
	port := cmp.Or(set.Port, set.TLS.Port)
	if port == 0 {
		return ""
	}
	host := "127.0.0.1"
	for _, bind := range set.Bind {
		ip, err := netip.ParseAddr(strings.TrimPrefix(bind, "-"))
		if bind == "*" || err == nil && ip.IsUnspecified() {
			host = "127.0.0.1"
			break
		}
		if err == nil {
			host = ip.String()
			break
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// take takes a survey, which ends with a signal or the time.
func (r *reach) take(deep bool) (*survey.Survey, error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	limited, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	r.opt.Deep = deep
	s := survey.Take(limited, r.opt)
	if ctx.Err() != nil {
		return nil, errors.New("interrupted")
	}
	return s, nil
}
