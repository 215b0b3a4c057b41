-- A lock's value is its fence, a colon, and the token of whoever holds it, byte for byte: 42:worker-7. The fence is 0 if it
-- was taken without one. fence_of returns the fence if it is this token's lock, else nil.
local function fence_of(held, token)
  local colon = held and string.find(held, ':', 1, true)
  if not colon or string.sub(held, colon + 1) ~= token then return nil end
  local fence = integer(string.sub(held, 1, colon - 1))
  if not fence or fence < 0 then return nil end
  return fence
end
