local reply = redis.pcall('--[[COMMAND]]', --[[arguments]])
if failed(reply) then return refused(reply, '--[[command]]') end
