# redis-rb with its default settings, through atomicproxy: ruby try.rb HOST:PORT
#
# Prints "ok STEP" for each thing that it tried, and ends with 1 and what differed. At the line RESTART it waits for a
# line on its input: whoever runs it restarts the server behind the proxy meanwhile.
require "redis"

$stdout.sync = true

def same(got, want)
  abort "#{caller(1, 1).first}: got #{got.inspect}, want #{want.inspect}" unless got == want
end

def ok(step)
  puts "ok #{step}"
end

def client
  host, port = ARGV[0].split(":")
  Redis.new(host: host, port: port.to_i)
end

# later runs the block with a client of its own after a moment.
def later
  Thread.new do
    sleep 0.2
    yield client
  end
end

puts "client redis-rb #{Redis::VERSION}"
r = client
same r.ping, "PONG"
same r.set("rb:a", "1"), "OK"
same r.get("rb:a"), "1"
ok "connect"

same(r.pipelined { |p| 100.times { p.incr("rb:n") } }, (1..100).to_a)
begin
  r.pipelined do |p|
    p.get("rb:n")
    p.lpush("rb:n", "x") # the first error of a pipeline is raised when all its replies have been read
    p.incr("rb:n")
  end
  abort "the pipeline's error was lost"
rescue Redis::CommandError => e
  same e.message.split.first, "WRONGTYPE"
end
same r.get("rb:n"), "101"
ok "pipeline"

other = client
same(r.watch("rb:a") do
  other.set("rb:a", "other")
  r.multi { |tx| tx.set("rb:a", "mine") }
end, nil)
same r.get("rb:a"), "other"
same(r.watch("rb:a") do
  r.multi do |tx|
    tx.set("rb:a", "mine")
    tx.get("rb:a")
  end
end, ["OK", "mine"])
ok "transaction"

same r.blpop("rb:q", timeout: 1), nil
push = later { |c| c.rpush("rb:q", "job") }
same r.blpop("rb:q", timeout: 5), ["rb:q", "job"]
push.join
ok "blocking"

heard = nil
publish = nil
sub = client
sub.subscribe("rb:news") do |on|
  on.subscribe { publish = later { |c| same c.publish("rb:news", "hello"), 1 } }
  on.message do |channel, message|
    heard = message
    sub.unsubscribe(channel)
  end
end
publish.join
same heard, "hello"
same sub.get("rb:a"), "mine" # an ordinary connection again
ok "pubsub"

5.times { |i| r.set("rb:p:#{i}", "v") }
same r.call("PURGE", "rb:p:*"), 5
same r.exists("rb:p:0"), 0
begin
  r.call("PURGE", "*")
  abort "PURGE * was not refused"
rescue Redis::CommandError => e
  same e.message.split.first, "DENIED"
end
ok "purge"

puts "RESTART"
$stdin.gets
same r.set("rb:a", "again"), "OK"
same r.multi { |tx| tx.get("rb:a") }, ["again"]
ok "reconnect"
