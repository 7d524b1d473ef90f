// Works with ioredis at what the mocks ask for.
//
// Each line of standard input is the announcement of a mock, or "stop" and the name
// of a script. At the end of the input the program ends.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import Redis from "ioredis";

const stopped = new Map();

async function work(mock) {
  const client = new Redis({
    sentinels: mock.sentinels.map((s) => {
      const [host, port] = s.addr.split(":");
      return { host, port: Number(port) };
    }),
    name: mock.master,
    role: mock.workload === "read" ? "slave" : "master",
    password: mock.password,
    sentinelPassword: mock.sentinels.at(-1).password,
    connectTimeout: 1000,
    sentinelCommandTimeout: 1000,
    failoverDetector: process.argv.includes("failoverDetector"),
    reconnectOnError: (err) => err.message.startsWith("READONLY"),
  });
  client.on("error", () => {}); // it goes on by itself
  let subscriber;
  if (mock.workload === "subscribe") {
    subscriber = client.duplicate();
    subscriber.on("error", () => {});
    subscriber.subscribe("news").catch(() => {});
  }
  stopped.set(mock.script, false);
  while (!stopped.get(mock.script)) {
    const call = mock.workload === "read" ? client.get("counter") : client.incr("counter");
    await Promise.race([call.catch(() => {}), sleep(8000, undefined, { ref: false })]);
    await sleep(100);
  }
  client.disconnect();
  subscriber?.disconnect();
}

console.log(createRequire(import.meta.url)("ioredis/package.json").version);
for await (const line of createInterface({ input: process.stdin })) {
  const [stop, script] = line.split(" ");
  if (stop === "stop") stopped.set(script, true);
  else work(JSON.parse(line));
}
process.exit(0);
