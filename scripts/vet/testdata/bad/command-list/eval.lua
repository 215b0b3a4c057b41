-- want: command-list 2
return redis.call('EVAL', 'return 1', '0')
