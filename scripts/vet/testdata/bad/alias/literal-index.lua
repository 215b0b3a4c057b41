-- want: alias 2
return redis['call']('GET', KEYS[1])
