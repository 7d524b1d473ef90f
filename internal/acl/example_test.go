package acl_test

import (
	"fmt"

	"github.com/gosentinel/sentinel/internal/acl"
)

func Example() {
	users, err := acl.New([]acl.Command{
		{Name: "ping", Categories: []string{"@fast", "@connection"}},
		{Name: "subscribe", Categories: []string{"@slow", "@pubsub"}, Channels: acl.AllChannels},
	}, acl.Options{LogMaxEntries: 128})
	if err != nil {
		panic(err)
	}
	if _, err := users.SetUser("bob", "on", ">secret", "+@pubsub", "&+switch-master"); err != nil {
		panic(err)
	}
	bob, err := users.Authenticate("bob", "secret")
	if err != nil {
		panic(err)
	}
	for _, request := range [][]string{{"ping"}, {"subscribe", "+sdown"}, {"subscribe", "+switch-master"}} {
		var words [][]byte
		for _, w := range request {
			words = append(words, []byte(w))
		}
		if refusal := users.Check(bob, request[0], words); refusal.Denied() {
			fmt.Println(refusal.Error())
		} else {
			fmt.Println("go ahead")
		}
	}
	// Output:
	// NOPERM User bob has no permissions to run the 'ping' command
	// NOPERM No permissions to access a channel
	// go ahead
}
