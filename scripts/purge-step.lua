-- A step of PURGE ... SWEEP, and the whole removal of PURGE ... SNAPSHOT: removes those of the keys that still match, or none.
-- Bound: its KEYS, at most 100,000.
-- Checked before the first write: all conditions, and that the user may UNLINK each of the keys that go.
-- KEYS: what was found. ARGV: 1-2 TYPE, 3-4 IDLETIME, 5 NOEXPIRE, 6-7 IFEQ. An optional one is '1' and its value or '0' and ''.

-- include reply.lua
-- include purge-recheck.lua
-- include purge-remove.lua
