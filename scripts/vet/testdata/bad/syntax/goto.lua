-- want: syntax 4
-- want: syntax 6
do
  goto done
end
::done::
return 1
