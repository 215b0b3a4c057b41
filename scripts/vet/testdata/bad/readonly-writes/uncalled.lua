-- want: readonly-writes 4
-- as: readonly
local function touch()
  redis.call('EXPIRE', KEYS[1], '10')
end
return redis.call('GET', KEYS[1])
