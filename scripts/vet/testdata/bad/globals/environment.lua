-- want: globals 2
return _G
