-- want: unprovable 2
return ('x'):rep(3)
