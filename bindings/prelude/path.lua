-- path.lua - names of files as text: joining them and taking them apart. No file is looked at.

local path = {}

--- Parts with '/' between them; an absolute part begins anew, empty ones are left out.
---@param ... string
---@return string
function path.join(...)
  local whole = ""
  for i = 1, select("#", ...) do
    local part = tostring((select(i, ...)))
    if part:sub(1, 1) == "/" or whole == "" then
      whole = part
    elseif part ~= "" then
      whole = whole:gsub("/+$", "") .. "/" .. part
    end
  end
  return whole
end

--- The folder that a name lies in: "/a" of "/a/b.c", "." of "b.c".
---@param name string
---@return string
function path.dir(name)
  local dir = name:gsub("/+$", ""):match("^(.*)/[^/]*$")
  if not dir then return name:find("^/+$") and "/" or "." end
  return dir == "" and "/" or dir
end

--- The last part: "b.c" of "/a/b.c".
---@param name string
---@return string
function path.base(name)
  return name:gsub("/+$", ""):match("[^/]*$")
end

--- The ending with its dot, "" without one: ".gz" of "a.tar.gz", "" of ".profile".
---@param name string
---@return string
function path.ext(name)
  return path.base(name):match("[^.].*(%.[^.]*)$") or path.base(name):match("^[^.](%.[^.]*)$") or ""
end

--- The last part without its ending: "a.tar" of "/x/a.tar.gz".
---@param name string
---@return string
function path.stem(name)
  local base = path.base(name)
  return base:sub(1, #base - #path.ext(name))
end

---@param name string
---@return boolean
function path.is_absolute(name)
  return name:sub(1, 1) == "/"
end

--- Without "." and "..", as far as the text tells.
---@param name string
---@return string
function path.normal(name)
  local parts, rooted = {}, path.is_absolute(name)
  for part in name:gmatch("[^/]+") do
    if part == ".." and #parts > 0 and parts[#parts] ~= ".." then
      parts[#parts] = nil
    elseif part ~= "." and not (part == ".." and rooted) then
      parts[#parts + 1] = part
    end
  end
  local whole = table.concat(parts, "/")
  return rooted and "/" .. whole or whole ~= "" and whole or "."
end

return path
