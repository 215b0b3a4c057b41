-- want: readonly-writes 3
-- as: readonly
return redis.call('SET', KEYS[1], 'x')
