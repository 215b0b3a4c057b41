-- want: forbidden-function 2
error('ERR no')
return 1
