-- want: syntax 2
::again::
return 1
