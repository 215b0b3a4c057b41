local function greater(a, b)
  if a > b then return a end
  return b
end
return greater(#ARGV[1], #ARGV[2])
