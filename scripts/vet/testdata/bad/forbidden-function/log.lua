-- want: forbidden-function 2
redis.log(2, 'x')
return 1
