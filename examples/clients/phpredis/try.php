<?php
// phpredis with its default settings, through atomicproxy: php try.php HOST:PORT
//
// Prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a
// line on its input: whoever runs it restarts the server behind the proxy meanwhile.
[$host, $port] = explode(':', $argv[1]);

function fail(string $text): void
{
    fwrite(STDERR, "$text\n");
    exit(1);
}

function same($got, $want): void
{
    if ($got !== $want) {
        fail('got ' . json_encode($got) . ', want ' . json_encode($want));
    }
}

function ok(string $step): void
{
    echo "ok $step\n";
}

function client(): Redis
{
    global $host, $port;
    $r = new Redis();
    $r->connect($host, (int) $port);
    return $r;
}

// later runs $do with a client of its own in another process, after a moment: PHP has no threads.
function later(callable $do): int
{
    $pid = pcntl_fork();
    if ($pid === 0) {
        usleep(200000);
        $do(client());
        posix_kill(getmypid(), SIGKILL); // no destructors: the parent's connections are the parent's
    }
    return $pid;
}

echo 'client phpredis ', phpversion('redis'), "\n";
$r = client();
same($r->ping(), true);
same($r->set('php:a', '1'), true);
same($r->get('php:a'), '1');
ok('connect');

$p = $r->pipeline();
for ($i = 0; $i < 100; $i++) {
    $p->incr('php:n');
}
$p->lPush('php:n', 'x'); // an error in the middle, and everything after it in its place
$p->get('php:n');
same($p->exec(), array_merge(range(1, 100), [false, '100']));
ok('pipeline');

$other = client();
$r->watch('php:a');
$other->set('php:a', 'other');
same($r->multi()->set('php:a', 'mine')->exec(), false);
same($r->get('php:a'), 'other');
$r->watch('php:a');
same($r->multi()->set('php:a', 'mine')->get('php:a')->exec(), [true, 'mine']);
ok('transaction');

same($r->blPop(['php:q'], 1), []);
$pid = later(fn (Redis $c) => $c->rPush('php:q', 'job'));
same($r->blPop(['php:q'], 5), ['php:q', 'job']);
pcntl_waitpid($pid, $status);
ok('blocking');

// subscribe() never returns, so it has a process to itself, which ends with 0 at the message that it wants.
$pid = pcntl_fork();
if ($pid === 0) {
    client()->subscribe(['php:news'], function (Redis $c, string $channel, string $message) {
        pcntl_exec('/bin/sh', ['-c', $message === 'hello' ? 'exit 0' : 'exit 1']); // exit() would run destructors
    });
}
for ($i = 0; $r->publish('php:news', 'hello') === 0; $i++) {
    $i < 100 || fail('nobody is subscribed');
    usleep(20000);
}
pcntl_waitpid($pid, $status);
same(pcntl_wexitstatus($status), 0);
ok('pubsub');

for ($i = 0; $i < 5; $i++) {
    $r->set("php:p:$i", 'v');
}
same($r->rawCommand('PURGE', 'php:p:*'), 5);
same($r->exists('php:p:0'), 0);
try { // phpredis returns false for the error codes that it knows, and throws the others
    $r->rawCommand('PURGE', '*');
    fail('PURGE * was not refused');
} catch (RedisException $e) {
    same(strtok($e->getMessage(), ' '), 'DENIED');
}
ok('purge');

echo "RESTART\n";
fgets(STDIN);
same($r->set('php:a', 'again'), true);
same($r->multi()->get('php:a')->exec(), ['again']);
ok('reconnect');
