-- want: recursion 3
-- want: recursion 4
local function a(n)
  local function b(m) return a(m) end
  return b(n)
end
return a(1)
