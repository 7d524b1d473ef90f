// Package valid says what a host, an id, the name of a master and a word of a
// command may be. Every gate asks it: hello messages, INFO, gossip, the commands of
// operators, files, and the library. So whatever one gate lets in, all others can
// carry, and the file can hold; a value that a file could not hold would make every
// later save fail, and with it every vote.
//
//	valid.Host("redis-0.redis_headless.svc") // nil
//	valid.Host("10.0.0.1,x")                 // an error: hello messages could not carry it
//	valid.Announced("0.0.0.0")               // an error: others would connect to themselves
//	valid.MasterName("my,master")            // an error
//
// An error says what is wrong and does not repeat the value.
package valid
