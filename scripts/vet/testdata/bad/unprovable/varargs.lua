-- want: unprovable 2
local function f(...)
  return 1
end
return f(1)
