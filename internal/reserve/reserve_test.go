package reserve

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

func TestReservedPort(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		addr, free, err := Addr(ip)
		if ip == "::1" && err != nil {
			t.Logf("no IPv6 here: %v", err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer free()
		for range 3 {
			if c, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%s: %v, %v while nobody listens", addr, c, err)
			}
			ln, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			ln.Close()
		}
	}
	if _, _, err := Addr("localhost"); err == nil {
		t.Error("a name has no ports")
	}
}
