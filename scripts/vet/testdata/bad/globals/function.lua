-- want: globals 2
function helper()
  return 1
end
return 1
