"""Calls Redis through Sentinels exactly as a server of the Zato platform does.

    client.py check HOST:PORT,... KEY VALUE   one look, printed as JSON
    client.py write HOST:PORT,... KEY         20 writes a second until standard
                                              input ends; one line of JSON each
"""

import json
import select
import sys
import time

from redis.sentinel import Sentinel

MASTER = "redis-ha"
PERIOD_SEC = 1 / 20


def connect(sentinels):
    addresses = [a.rsplit(":", 1) for a in sentinels.split(",")]
    return Sentinel(
        [(host, int(port)) for host, port in addresses],
        min_other_sentinels=0,
        password=None,
        socket_timeout=5.0,
        decode_responses=True,
    )


def check(sentinels, key, value):
    manager = connect(sentinels)
    client = manager.master_for(MASTER)
    ping = client.ping()
    if value:
        client.set(key, value)
    print(json.dumps({
        "ping": ping,
        "value": client.get(key),
        "master": list(manager.discover_master(MASTER)),
        "slaves": sorted(manager.discover_slaves(MASTER)),
    }))


def write(sentinels, key):
    client = connect(sentinels).master_for(MASTER)
    number, due = 0, time.monotonic()
    while not select.select([sys.stdin], [], [], max(0, due - time.monotonic()))[0]:
        # A call that took long is not made up for: 20 a second is the most.
        due = max(due + PERIOD_SEC, time.monotonic())
        number += 1
        call = {"number": number, "at": time.time(), "error": "", "text": ""}
        began = time.monotonic()
        try:
            client.rpush(key, number)
        except Exception as e:  # whatever it is, the test must see it
            call["error"], call["text"] = type(e).__name__, str(e)
        call["took"] = time.monotonic() - began
        print(json.dumps(call), flush=True)


if __name__ == "__main__":
    {"check": check, "write": write}[sys.argv[1]](*sys.argv[2:])
