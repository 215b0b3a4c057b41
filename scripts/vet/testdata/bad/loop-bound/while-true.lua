-- want: loop-bound 2
while true do end
