-- want: alias 2
return redis['ca' .. 'll']('GET', KEYS[1])
