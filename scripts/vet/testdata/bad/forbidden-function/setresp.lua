-- want: forbidden-function 2
redis.setresp(3)
return 1
