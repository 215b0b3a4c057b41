-- want: globals 2
count = 1
return 1
