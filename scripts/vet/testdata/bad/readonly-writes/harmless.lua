-- want: readonly-writes 4
-- want: permission 4
-- as: readonly
return redis.pcall('SET', KEYS[1], '', 'NX', 'XX')
