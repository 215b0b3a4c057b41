-- ONCE: runs one write command at most once per token. A repeat within the token's time gets the first reply.
-- Bound: that of the command; the record of its reply has at most 64 KiB and a little.
-- Checked before the first write: the token's record, that it is of the same call, the right to write it, and what the
-- command may answer: integers beyond 2^53 and replies that are too large are refused before anything is done.
-- KEYS: the command's, then the token's. ARGV: 1 fingerprint of the call, 2 the token's time in milliseconds, 3 the client's
-- protocol, then what the command takes.
-- The command stands in place of the blank below: effect returns its reply, or an error and has done nothing.

-- include reply.lua
-- include integer.lua
-- include once-record.lua

local token, fingerprint, time = KEYS[#KEYS], ARGV[1], ARGV[2]

--[[effect]]

local found = redis.pcall('GET', token)
if failed(found) then return refused(found, 'get') end
if found then
  if string.sub(found, 1, #MARK) ~= MARK then
    return redis.error_reply('ERR the key that is to hold the token holds something else; nothing was executed')
  elseif string.sub(found, #MARK + 1, #MARK + #fingerprint) ~= fingerprint then
    return redis.error_reply('TOKENREUSED the token was used for another command; nothing was executed')
  end
  return shaped(recalled(found, #MARK + #fingerprint + 1))
end

if redis.acl_check_cmd then
  if not redis.acl_check_cmd('SET', token, '', 'PX', time) then return denied('set') end
else -- 6.x: refused for its options in any case, but first by what would refuse the record
  local try = redis.pcall('SET', token, '', 'NX', 'XX')
  if failed(try) and not string.find(try.err, 'syntax error', 1, true) then return refused(try, 'set') end
end

local reply = effect()
if failed(reply) then return reply end
redis.call('SET', token, MARK .. fingerprint .. recorded(reply), 'PX', time)
return shaped(reply)
