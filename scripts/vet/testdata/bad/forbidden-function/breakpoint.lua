-- want: forbidden-function 2
redis.breakpoint()
return 1
