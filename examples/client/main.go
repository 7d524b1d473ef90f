package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/gosentinel/sentinel/discovery"
	"github.com/redis/go-redis/v9"
)

func main() {
	sentinels := flag.String("sentinels", "127.0.0.1:26379", "addresses, separated by commas")
	master := flag.String("master", "mymaster", "the name under which they watch the master")
	flag.Parse()
	ctx := context.Background()

	r, err := discovery.New(discovery.Options{Sentinels: strings.Split(*sentinels, ","), Master: *master})
	if err != nil {
		log.Fatal(err)
	}
	go r.Run(ctx)
	client := redis.NewClient(&redis.Options{Dialer: r.DialMaster, DialTimeout: time.Minute})

	for {
		job, err := client.BLPop(ctx, 0, "jobs").Result()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(job[1])
	}
}
