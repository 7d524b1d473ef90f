<?php
// Counts with phpredis. Its RedisSentinel answers questions; the application asks them
// and connects.

function say(string ...$words): void
{
    fwrite(STDOUT, str_replace("\n", ' ', implode(' ', $words)) . "\n");
}

function connect(): Redis
{
    $ca = getenv('CA');
    $scheme = $ca ? 'tls://' : '';
    foreach (explode(' ', getenv('SENTINELS')) as $sentinel) {
        [$host, $port] = explode(':', $sentinel);
        try {
            $args = [$scheme . $host, (int) $port, 1.0, null, 0, 1.0];
            if (getenv('SENTINEL_PASSWORD')) {
                $args[] = getenv('SENTINEL_PASSWORD');
            }
            $found = (new RedisSentinel(...$args))->getMasterAddrByName(getenv('MASTER'));
        } catch (RedisException $e) {
            $found = false;
        }
        if ($found) {
            break;
        }
    }
    if (!$found) {
        throw new RedisException('no Sentinel names the master');
    }
    $redis = new Redis();
    $redis->connect($scheme . $found[0], (int) $found[1], 1.0, null, 0, 1.0);
    if (getenv('PASSWORD')) {
        $redis->auth(getenv('PASSWORD'));
    }
    if ($redis->role()[0] !== 'master') {
        throw new RedisException("$found[0]:$found[1] is no master");
    }
    return $redis;
}

say('version', phpversion('redis'));
$redis = null;
while (true) {
    try {
        $redis ??= connect();
        $n = $redis->incr(getenv('KEY'));
        if ($n === false) {
            throw new RedisException($redis->getLastError() ?? 'no reply');
        }
        say('ok', (string) $n);
    } catch (RedisException $e) {
        $redis = null;
        say('error', $e->getMessage());
    }
    usleep((int) (getenv('EVERY') * 1e6));
}
