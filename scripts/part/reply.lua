-- What calls answer: failed tells an error from a reply, and forbidden one that speaks of the user's rights.
local function failed(reply)
  return type(reply) == 'table' and reply.err
end
local function forbidden(reply)
  return failed(reply) and (string.find(reply.err, 'ACL failure in script', 1, true)
    or string.find(reply.err, 'The user executing the script', 1, true))
end
local function denied(name)
  return redis.error_reply("NOPERM this user has no permissions to run the '" .. name .. "' command or to access one of the keys")
end

-- refused is the error to return for a call that failed, in the words that a client gets outside of a script. What servers
-- tell a script about rights begins with ERR and differs by version, and before 7.0 what keeps it from writing has the
-- script's name in front.
local function refused(reply, name)
  if forbidden(reply) then return denied(name) end
  if string.find(reply.err, '-OOM ', 1, true) then
    return redis.error_reply("OOM command not allowed when used memory > 'maxmemory'.")
  elseif string.find(reply.err, '-READONLY ', 1, true) then
    return redis.error_reply("READONLY You can't write against a read only replica.")
  elseif string.find(reply.err, '-NOREPLICAS ', 1, true) then
    return redis.error_reply('NOREPLICAS Not enough good replicas to write.')
  elseif string.find(reply.err, '-MASTERDOWN ', 1, true) then
    return redis.error_reply("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
  elseif string.find(reply.err, '-MISCONF ', 1, true) then
    return redis.error_reply('MISCONF the server can\'t persist to disk, and refuses writes until it can; see its log')
  end
  return reply
end
