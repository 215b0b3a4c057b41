-- Which of the keys that were found PURGE ... SNAPSHOT or SWEEP would remove: their places in KEYS, from 1.
-- Bound: its KEYS, at most 100,000. Writes nothing.
-- The user needs the rights that the removal needs; see purge-dryrun.lua.
-- KEYS, ARGV: as purge-step.lua.

-- include reply.lua
-- include purge-recheck.lua
-- include purge-may.lua

return places
