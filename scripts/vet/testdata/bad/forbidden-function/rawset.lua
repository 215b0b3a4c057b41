-- want: forbidden-function 3
-- want: alias 3
rawset(KEYS, 1, 'x')
return 1
