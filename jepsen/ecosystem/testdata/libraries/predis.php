<?php
// Counts with predis.
require 'Predis/Autoloader.php';
Predis\Autoloader::register();

function say(string ...$words): void
{
    fwrite(STDOUT, str_replace("\n", ' ', implode(' ', $words)) . "\n");
}

function connect(): Predis\Client
{
    $secured = getenv('CA') ? ['scheme' => 'tls', 'ssl' => ['cafile' => getenv('CA')]] : [];
    // It takes the password out of what it is told of a Sentinel, and out of no connection.
    $factory = new Predis\Connection\Factory();
    $sentinels = [];
    foreach (explode(' ', getenv('SENTINELS')) as $sentinel) {
        [$host, $port] = explode(':', $sentinel);
        $sentinels[] = $factory->create([
            'host' => $host, 'port' => (int) $port, 'password' => getenv('SENTINEL_PASSWORD') ?: null,
            'timeout' => 1.0, 'read_write_timeout' => 1.0,
        ] + $secured);
    }
    $servers = ['timeout' => 1.0, 'read_write_timeout' => 1.0, 'password' => getenv('PASSWORD') ?: null] + $secured;
    return new Predis\Client($sentinels, ['replication' => 'sentinel', 'service' => getenv('MASTER'), 'parameters' => $servers]);
}

say('version', Predis\Client::VERSION);
$redis = null;
while (true) {
    try {
        $redis ??= connect();
        say('ok', (string) $redis->incr(getenv('KEY')));
    } catch (Exception $e) {
        // It forgets each Sentinel that does not answer, and keeps a master that refuses.
        $redis = null;
        say('error', get_class($e), $e->getMessage());
    }
    usleep((int) (getenv('EVERY') * 1e6));
}
