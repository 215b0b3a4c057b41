-- include reply.lua
-- include integer.lua
local time = redis.pcall('TIME')
if failed(time) then return refused(time, 'time') end
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local done = redis.pcall('ZADD', KEYS[1], digits(now), ARGV[1])
if failed(done) then return refused(done, 'zadd') end
return now
