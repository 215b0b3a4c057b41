-- want: late-failure 4
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[2] == '' then
  return redis.error_reply('ERR empty')
end
return 1
