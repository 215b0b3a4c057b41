-- want: alias 3
-- want: alias 6
local function f(KEYS)
  return KEYS[1]
end
return f(ARGV)
