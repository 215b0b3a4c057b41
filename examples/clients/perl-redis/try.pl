#!/usr/bin/perl
# Perl's Redis.pm with its default settings, through atomicproxy: perl try.pl HOST:PORT
#
# Prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a
# line on its input: whoever runs it restarts the server behind the proxy meanwhile.
use strict;
use warnings;
use POSIX ();
use Redis;

$| = 1;
my $addr = shift;

sub text { my ($v) = @_; return ref $v ? "[" . join(",", map { text($_) } @$v) . "]" : $v // "(nil)" }

sub fail { print STDERR "@_\n"; exit 1 }

sub same {
    my ($got, $want) = map { text($_) } @_;
    fail("line " . (caller)[2] . ": got $got, want $want") if $got ne $want;
}

sub ok { print "ok $_[0]\n" }

sub client { return Redis->new(server => $addr) }

# later runs the code with a client of its own in another process, after a moment.
sub later {
    my ($code) = @_;
    my $pid = fork // fail("fork: $!");
    return $pid if $pid;
    select undef, undef, undef, 0.2;
    $code->(client());
    POSIX::_exit(0);    # no destructors: the parent's connections are the parent's
}

print "client perl-redis $Redis::VERSION\n";
my $r = client();
same($r->ping, "PONG");
same($r->set("pl:a", "1"), "OK");
same($r->get("pl:a"), "1");
ok("connect");

# A call with a callback goes out at once and its reply is read by wait_all_responses: a pipeline.
my @replies;
my $keep = sub { my ($reply, $error) = @_; push @replies, $error // $reply };
$r->incr("pl:n", $keep) for 1 .. 100;
$r->lpush("pl:n", "x", $keep);    # an error in the middle, and everything after it in its place
$r->get("pl:n", $keep);
$r->wait_all_responses;
same([@replies[0 .. 99]], [1 .. 100]);
same((split / /, $replies[100])[0], "WRONGTYPE");
same($replies[101], "100");
ok("pipeline");

my $other = client();
$r->watch("pl:a");
$other->set("pl:a", "other");
$r->multi;
$r->set("pl:a", "mine");
same(scalar $r->exec, undef);
same($r->get("pl:a"), "other");
$r->watch("pl:a");
$r->multi;
same($r->set("pl:a", "mine"), "QUEUED");
$r->get("pl:a");
same([$r->exec], ["OK", "mine"]);
ok("transaction");

same(scalar $r->blpop("pl:q", 1), undef);
my $pid = later(sub { $_[0]->rpush("pl:q", "job") });
same([$r->blpop("pl:q", 5)], ["pl:q", "job"]);
waitpid $pid, 0;
ok("blocking");

my $heard;
my $sub = client();
my $hear = sub { ($heard) = @_ };
$sub->subscribe("pl:news", $hear);
$pid = later(sub { $_[0]->publish("pl:news", "hello") });
$sub->wait_for_messages(5);
same($heard, "hello");
waitpid $pid, 0;
$sub->unsubscribe("pl:news", $hear);
same($sub->get("pl:a"), "mine");    # an ordinary connection again
ok("pubsub");

$r->set("pl:p:$_", "v") for 1 .. 5;
same($r->purge("pl:p:*"), 5);       # Redis.pm sends any method that it does not have as a command of that name
same($r->exists("pl:p:1"), 0);
eval { $r->purge("*"); fail("PURGE * was not refused") };
fail("got $@, want DENIED") unless $@ =~ /DENIED/;
ok("purge");

print "RESTART\n";
<STDIN>;
same($r->set("pl:a", "again"), "OK");
$r->multi;
$r->get("pl:a");
same([$r->exec], ["again"]);
ok("reconnect");
