-- Keys and values by turns.
local call = {}
for i = 1, #KEYS - 1 do
  call[2 * i - 1] = KEYS[i]
  call[2 * i] = ARGV[i + 3]
end
