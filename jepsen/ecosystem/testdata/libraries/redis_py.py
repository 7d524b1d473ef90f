"""Counts with redis-py; with "asyncio" on the command line, with its asyncio half."""
import asyncio
import os
import sys
import time

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel

key = os.environ["KEY"]
every = float(os.environ["EVERY"])


def options(password):
    o = {"socket_timeout": 1, "socket_connect_timeout": 1, "password": os.environ.get(password)}
    if "CA" in os.environ:
        o.update(ssl=True, ssl_ca_certs=os.environ["CA"])
    return o


def connect(kind):
    listed = [addr.rsplit(":", 1) for addr in os.environ["SENTINELS"].split()]
    sentinel = kind(
        [(host, int(port)) for host, port in listed],
        sentinel_kwargs=options("SENTINEL_PASSWORD"),
        **options("PASSWORD"),
    )
    return sentinel.master_for(os.environ["MASTER"])


def say(*words):
    print(*words, flush=True)


def count():
    client = connect(redis.sentinel.Sentinel)
    while True:
        try:
            say("ok", client.incr(key))
        except Exception as e:
            say("error", type(e).__name__, str(e).replace("\n", " "))
        time.sleep(every)


async def count_async():
    client = connect(redis.asyncio.sentinel.Sentinel)
    while True:
        try:
            say("ok", await client.incr(key))
        except Exception as e:
            say("error", type(e).__name__, str(e).replace("\n", " "))
        await asyncio.sleep(every)


say("version", redis.__version__)
if "asyncio" in sys.argv:
    asyncio.run(count_async())
else:
    count()
