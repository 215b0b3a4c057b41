-- want: alias 2
for tonumber = 1, 2 do end
return 1
