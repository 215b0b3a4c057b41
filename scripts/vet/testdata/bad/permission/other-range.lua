-- want: permission 11
-- include reply.lua
for i = 1, #ARGV do
  if redis.acl_check_cmd then
    if not redis.acl_check_cmd('DEL', KEYS[i]) then return denied('del') end
  else
    return redis.error_reply('NOSUPPORT this needs a server from 7.0 on')
  end
end
for i = 1, #KEYS do
  local n = redis.pcall('DEL', KEYS[i])
  if failed(n) then return refused(n, 'del') end
end
return 1
