-- PURGE ... DRYRUN: how many keys PURGE would remove, or the error that it would give.
-- Bound: the database may hold at most max_scan keys (checked before the scan) and at most LIMIT keys may match
-- (checked while scanning). Writes nothing.
-- The user needs the rights that the removal needs. Before 7.0 a script that only reads can't ask whether the user may
-- UNLINK: there only the keys are checked (by EXISTS).
-- ARGV: as purge.lua.

-- include reply.lua
-- include purge-find.lua

-- include purge-may.lua

return #keys
