-- XAPPEND: adds an entry to a stream if nothing was added since the id that is expected.
-- Bound: one read, and one write of at most 1,000 fields; with MAXLEN it removes as many entries as it has to.
-- Checked before the write: the number of fields, that the expected id is one, and that it is the stream's last generated one.
-- ARGV: 1 EXPECT, 2-3 MAXLEN, 4 how many fields, then each and its value.

-- include reply.lua
-- include stream-id.lua

local fields = tonumber(ARGV[4])
if fields > 1000 then
  return redis.error_reply('LIMIT XAPPEND takes at most 1000 fields; nothing was changed')
end
local ms, sequence = stream_id(ARGV[1])
if not ms or not sequence then
  return redis.error_reply('ERR Invalid stream ID specified as stream command argument')
end

-- XINFO tells the last generated id also of a stream whose entries are gone.
local last = '0-0'
local there = redis.pcall('EXISTS', KEYS[1])
if failed(there) then return refused(there, 'exists') end
if there == 1 then
  local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
  if failed(info) then return refused(info, 'xinfo|stream') end
  for i = 1, 39, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
  end
end
local last_ms, last_sequence = stream_id(last)
if ms ~= last_ms or sequence ~= last_sequence then return false end

local id
if ARGV[2] == '1' then
  id = redis.pcall('XADD', KEYS[1], 'MAXLEN', ARGV[3], '*', unpack(ARGV, 5, 4 + 2 * fields))
else
  id = redis.pcall('XADD', KEYS[1], '*', unpack(ARGV, 5, 4 + 2 * fields))
end
if failed(id) then return refused(id, 'xadd') end
return id
