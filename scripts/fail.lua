-- Answers one of the proxy's own error texts, by its number. A custom command with a wrong argument inside MULTI is this
-- call: it is queued, and becomes that element's error at EXEC, as a native command's wrong argument does.
-- Bound: one step. Reads and writes nothing. The texts are the catalogue's and stand in place of the blank below.
local texts = {--[[texts]]}
return redis.error_reply(texts[tonumber(ARGV[1])] or 'ERR syntax error')
