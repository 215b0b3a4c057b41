-- want: globals 2
return count
