-- PURGE: removes every key that matches a pattern and the conditions, or none.
-- Bound: the database may hold at most max_scan keys (checked before the scan) and at most LIMIT keys may match
-- (checked while scanning); beyond either nothing is removed.
-- Checked before the first write: both bounds, all conditions, and that the user may UNLINK each of the keys.
-- ARGV: 1 which of pattern and PREFIX it was, 2 pattern, 3-4 LIMIT, 5-6 TYPE, 7-8 IDLETIME, 9 NOEXPIRE, 10-11 IFEQ,
-- 12 purge.max_scan, 13 purge.limit. An optional one is '1' and its value or '0' and ''.

-- include reply.lua
-- include purge-find.lua

-- include purge-remove.lua
