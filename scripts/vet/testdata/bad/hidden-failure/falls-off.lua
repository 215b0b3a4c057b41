-- want: hidden-failure 3
-- include reply.lua
local done = redis.pcall('DEL', KEYS[1])
if not failed(done) then return done end
