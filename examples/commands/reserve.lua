-- RESERVE: takes items out of stock and puts them into a shopping cart, all of them or none.
-- Bound: at most 100 items, two reads and a write each; two writes more.
-- Checked before the first write: both keys are hashes or missing, each quantity is a whole number and in stock, no item is
-- named twice, and the user may write both keys.
-- KEYS: 1 stock, 2 cart. ARGV: 1 how long the cart lives in seconds, 2 how many items, then each and its quantity.

-- include reply.lua
-- include integer.lua

local items = tonumber(ARGV[2])
if items > 100 then return redis.error_reply('LIMIT RESERVE takes at most 100 items; nothing was reserved') end

local seen, stock, cart = {}, {}, {}
for i = 1, items do
  local item = ARGV[1 + 2 * i]
  if seen[item] then return redis.error_reply('ERR an item is named twice; nothing was reserved') end
  seen[item] = true
  local wanted = integer(ARGV[2 + 2 * i])
  if not wanted or wanted < 1 then
    return redis.error_reply('ERR a quantity must be a whole number from 1; nothing was reserved')
  end

  local left = redis.pcall('HGET', KEYS[1], item)
  if failed(left) then return refused(left, 'hget') end
  left = integer(left or '0')
  if not left then return redis.error_reply('ERR the stock of an item is not an integer; nothing was reserved') end
  if left < wanted then return { 0, item, digits(left) } end

  local held = redis.pcall('HGET', KEYS[2], item)
  if failed(held) then return refused(held, 'hget') end
  held = integer(held or '0')
  if not held or held < 0 or held > 1000000000 then
    return redis.error_reply('ERR the cart holds no number of an item, or too many; nothing was reserved')
  end

  stock[#stock + 1] = item
  stock[#stock + 1] = digits(left - wanted)
  cart[i] = digits(held + wanted)
end

if redis.acl_check_cmd then
  if not redis.acl_check_cmd('HSET', KEYS[2], '', '') then return denied('hset') end
  if not redis.acl_check_cmd('EXPIRE', KEYS[2], '1') then return denied('expire') end
else -- 6.x: a call that is wrong in any case, but is refused by the ACL first
  if forbidden(redis.pcall('HSET', KEYS[2], '', '', '')) then return denied('hset') end
  if forbidden(redis.pcall('EXPIRE', KEYS[2], 'x')) then return denied('expire') end
end

local done = redis.pcall('HSET', KEYS[1], unpack(stock))
if failed(done) then return refused(done, 'hset') end
for i = 1, items do
  local item, quantity = ARGV[1 + 2 * i], cart[i]
  if item and quantity then redis.call('HSET', KEYS[2], item, quantity) end -- both are there: this shows it to the vetter
end
redis.call('EXPIRE', KEYS[2], ARGV[1])
return { 1 }
