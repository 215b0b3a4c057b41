-- ONCE: runs one write command at most once per token. A repeat within the token's time gets the first reply.
-- Bound: that of the command, and of a record of its reply; a record has at most 1,048,576 elements.
-- Checked before the first write: the token's record, that it is of the same call, the right to write it, and what the
-- command may answer: integers beyond 2^53 and replies that are too large are refused before anything is done.
-- KEYS: the command's, then the token's. ARGV: 1 fingerprint of the call, 2 the token's time in milliseconds, 3 the client's
-- protocol, then what the command takes.
-- The command stands in place of the blank below: its reply is in the local of that name, and an error was returned.

-- include reply.lua
-- include integer.lua
-- include once-record.lua
--[[shape]]
local token, fingerprint, time = KEYS[#KEYS], ARGV[1], ARGV[2]

local found = redis.pcall('GET', token)
if failed(found) then return refused(found, 'get') end
if found then
  local at = #MARK + #fingerprint + 1
  if string.sub(found, 1, #MARK) ~= MARK then
    return redis.error_reply('ERR the key that is to hold the token holds something else; nothing was executed')
  elseif string.sub(found, #MARK + 1, at - 1) ~= fingerprint then
    return redis.error_reply('TOKENREUSED the token was used for another command; nothing was executed')
  elseif string.sub(found, at) == UNTOLD then
    return redis.error_reply('ERR the command was executed, and its reply is of a kind that ONCE can not give again')
  end
  local first = recalled(found, at)
  if first ~= nil then first = shaped(first) end
  if first == nil then
    return redis.error_reply('ERR the key that is to hold the token holds no record of a reply; nothing was executed')
  end
  return first
end

if redis.acl_check_cmd then
  if not redis.acl_check_cmd('SET', token, '', 'PX', time) then return denied('set') end
else -- 6.x: refused for its options in any case, but first by what would refuse the record
  local try = redis.pcall('SET', token, '', 'NX', 'XX')
  if failed(try) and not string.find(try.err, 'syntax error', 1, true) then return refused(try, 'set') end
end

--[[effect]]
redis.call('SET', token, MARK .. fingerprint .. recorded(reply), 'PX', time)
return shaped(reply)
