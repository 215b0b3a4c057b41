-- want: forbidden-function 2
redis.set_repl(0)
return 1
