-- want: error-text 3
local function no(what)
  return redis.error_reply('ERR no ' .. what)
end
if ARGV[1] == '' then return no('text') end
return no(ARGV[1])
