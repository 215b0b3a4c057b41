-- want: key-origin 2
return redis.call('DEL', 'jobs')
