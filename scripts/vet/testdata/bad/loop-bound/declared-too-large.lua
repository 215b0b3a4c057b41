-- want: loop-bound 4
-- arg: integer 0 9007199254740991
local sum = 0
for i = 1, tonumber(ARGV[1]) do
  sum = sum + i
end
return sum
