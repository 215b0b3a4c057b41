-- want: loop-bound 4
-- arg: integer 0 5
local n = 0
for i = 1, 10, tonumber(ARGV[1]) do
  n = n + 1
end
return n
