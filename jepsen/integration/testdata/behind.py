"""A plain client of redis-py: it knows nothing of Sentinels and connects to one address.

It is told where by a line of JSON, says what happens in lines of JSON, and ends with its
input. See proxyclients_test.go for what it does."""
import json
import os
import sys
import threading
import time

import redis

at = json.loads(sys.stdin.readline())
lock = threading.Lock()


def say(**what):
    with lock:
        print(json.dumps(what), flush=True)


def connect():
    return redis.Redis(host=at["host"], port=at["port"], password=at["password"], ssl=True, ssl_ca_certs=at["ca"], decode_responses=True)


def name(kind):
    return kind + ":" + at["name"]


def again(kind, call):
    client, n = connect(), 0
    while True:
        try:
            call(client, n)
        except redis.RedisError as e:
            say(kind=kind, error=str(e))
        n += 1
        time.sleep(at["every"] / 1000)


def write(client, n):
    client.rpush(name("list"), n)
    say(kind="write", n=n)


def transact(client, n):
    with client.pipeline(transaction=True) as p:
        p.incr(name("tx-a")).incr(name("tx-b")).execute()
    say(kind="tx")


def script(client, n):
    client.eval("redis.call('incr', KEYS[1]) return redis.call('incr', KEYS[2])", 2, name("lua-a"), name("lua-b"))
    say(kind="lua")


def job(client, n):
    say(kind="job", text=client.blpop(name("jobs"), 0)[1])


def listen(client, n):
    p = client.pubsub()
    p.subscribe(name("news"))
    for m in p.listen():
        if m["type"] == "message":
            say(kind="news", text=m["data"])


for kind, call in ("write", write), ("tx", transact), ("lua", script), ("job", job), ("news", listen):
    threading.Thread(target=again, args=(kind, call), daemon=True).start()
say(kind="version", text=redis.__version__)
sys.stdin.read()
with lock:
    os._exit(0)
