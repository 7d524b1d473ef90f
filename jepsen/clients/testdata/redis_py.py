"""Works with redis-py at what the mocks ask for.

Each line of standard input is the announcement of a mock, or "stop" and the
name of a script. Each mock has a thread of its own. At the end of the input
the program ends.
"""
import json
import sys
import threading
import time
import traceback

import redis
from redis.sentinel import Sentinel

stopped = set()


def work(mock):
    listed = [tuple(s["addr"].rsplit(":", 1)) for s in mock["sentinels"]]
    password = mock.get("password")
    sentinel = Sentinel(
        [(host, int(port)) for host, port in listed],
        socket_timeout=1,
        sentinel_kwargs={"socket_timeout": 1, "password": mock["sentinels"][-1].get("password")},
        password=password,
    )
    reads = mock["workload"] == "read"
    client = sentinel.slave_for(mock["master"]) if reads else sentinel.master_for(mock["master"])
    if mock["workload"] == "subscribe":
        threading.Thread(target=listen, args=(mock, client), daemon=True).start()
    while mock["script"] not in stopped:
        try:
            client.get("counter") if reads else client.incr("counter")
        except redis.RedisError:
            pass
        except Exception:  # no error of a server; the application goes on all the same
            traceback.print_exc()
        time.sleep(0.1)


def listen(mock, client):
    subscriber = client.pubsub()
    subscriber.subscribe("news")
    while mock["script"] not in stopped:
        try:
            subscriber.get_message(timeout=0.1)
        except redis.RedisError:
            time.sleep(0.1)


print(redis.__version__, flush=True)
for line in sys.stdin:
    if line.startswith("stop "):
        stopped.add(line.split()[1])
        continue
    threading.Thread(target=work, args=(json.loads(line),), daemon=True).start()
