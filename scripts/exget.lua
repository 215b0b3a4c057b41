-- EXGET: a versioned value and its version.
-- Bound: one read or two. Writes nothing.

-- include reply.lua
-- include integer.lua
-- include versioned.lua

if not version then return false end
return {value, version}
