-- want: recursion 2
local function f()
  return f()
end
return 1
