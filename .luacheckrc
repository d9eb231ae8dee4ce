-- What luacheck knows of this code: Lua 5.4, lines of 100 columns, unused self is normal in methods.
std = "lua54"
max_line_length = 100
self = false
files["t/lua"] = { max_line_length = 150, ignore = { "111", "113", "211", "212", "231", "311" } }
