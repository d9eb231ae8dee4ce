-- options.lua - one table of options feeds the parser, --help, completion and the reference.
--
-- A table of options is an array of
--   { "name", short = "n", type = "int", default =, min =, max =, unit =, choices = { ... },
--     metavar =, help =, group =, required =, later = true }
-- or, as recipes write it, a map from name to the same fields. Types stand in types.lua. The value
-- of --connect-timeout is found under `connect_timeout`. A hostlist or a list given twice adds up;
-- of everything else the last one wins. `later` marks what is promised but not built: it is
-- refused as 'not in this version' and left out of --help.

local types = require "perilune.types"

local options = {}

local function key_of(name)
  return (name:gsub("-", "_"))
end

local function flag_of(name)
  return "--" .. name:gsub("_", "-")
end

local function suggestion(word, candidates)
  return require("perilune.nearest").hint(word, candidates)
end

local function not_yet(label)
  return nil, label .. " is not in this version"
end

-- ---- the table -----------------------------------------------------------------------------

local function from_map(spec)
  local names = {}
  for name in pairs(spec) do names[#names + 1] = name end
  table.sort(names)
  local list = {}
  for i, name in ipairs(names) do
    local option = { name }
    for field, value in pairs(spec[name]) do option[field] = value end
    list[i] = option
  end
  return list
end

--- The options in order, as an array, from an array or a map.
---@param spec table
---@return table[]
function options.list(spec)
  if #spec > 0 or next(spec) == nil then return spec end
  return from_map(spec)
end

--- Several tables as one.
---@return table[]
function options.join(...)
  local joined = {}
  for _, spec in ipairs { ... } do
    for _, option in ipairs(options.list(spec)) do joined[#joined + 1] = option end
  end
  return joined
end

-- What a recipe's author may get wrong in a table of options.
local FIELDS = { "type", "short", "default", "min", "max", "unit", "choices", "metavar", "help",
                 "group", "required", "later", "unresolved", "whole" }

-- What is wrong with the choices of an option, or nil.
local function check_choices(option)
  if option.choices == nil and option.type ~= "choice" then return nil end
  if option.type ~= "choice" then
    return ("option '%s' has choices, and its type is '%s', not 'choice'"):format(option[1],
      option.type)
  end
  if type(option.choices) == "table" and type(option.choices[1]) == "string" then return nil end
  return ("option '%s' is a choice and needs choices = { \"a\", \"b\" }"):format(option[1])
end

-- min and max may be written as text ("1M"), as defaults are.
local function bound(option, which)
  local limit = option[which]
  return type(limit) == "string" and types[option.type].read(limit, option) or limit
end

-- What is wrong with its min and max, or nil.
local function check_bounds(option)
  for _, which in ipairs { "min", "max" } do
    local limit = option[which]
    if limit ~= nil and not types[option.type].ordered then
      return ("option '%s': a %s has no %s"):format(option[1], option.type, which)
    end
    if type(limit) == "string" then limit = types[option.type].read(limit, option) end
    if option[which] ~= nil and type(limit) ~= "number" then
      return ("option '%s': %s is no %s"):format(option[1], which, option.type)
    end
  end
  local min, max = bound(option, "min"), bound(option, "max")
  if min and max and min > max then
    return ("option '%s': min %s is more than max %s"):format(option[1],
      types[option.type].show(min), types[option.type].show(max))
  end
  return nil
end

-- What else may be wrong with it, or nil.
local function check_rest(option)
  if option.unit ~= nil and (type(option.unit) ~= "string"
      or option.type ~= "int" and option.type ~= "number") then
    return ("option '%s': a unit is text, and of an int or a number"):format(option[1])
  end
  if option.type == "secret" and option.default ~= nil then
    return ("option '%s': a secret has no default; it is found, or asked for, when the recipe "
      .. "runs"):format(option[1])
  end
  return nil
end

--- Checks a table of options itself: types exist, defaults fit, fields are known.
---@return true? ok
---@return string? message
function options.check(spec)
  local known = {}
  for _, field in ipairs(FIELDS) do known[field] = true end
  for _, option in ipairs(options.list(spec)) do
    local name = option[1]
    for field in pairs(option) do
      if field ~= 1 and not known[field] then
        return nil, ("option '%s' has an unknown field '%s'%s"):format(name, field,
          suggestion(tostring(field), FIELDS))
      end
    end
    if not types[option.type] then
      local names = {}
      for known_type in pairs(types) do names[#names + 1] = known_type end
      table.sort(names)
      return nil, ("option '%s' has no known type%s"):format(name,
        option.type and (" ('%s')%s"):format(option.type, suggestion(option.type, names)) or "")
    end
    local message = check_choices(option) or check_bounds(option) or check_rest(option)
      or select(2, options.default(option))
    if message then return nil, message end
  end
  return true
end

-- ---- one value -----------------------------------------------------------------------------

local function in_bounds(option, value, label)
  local show = types[option.type].show
  local min, max = bound(option, "min"), bound(option, "max")
  if min and value < min then
    return nil, ("%s must be at least %s, not %s"):format(label, show(min), show(value))
  end
  if max and value > max then
    return nil, ("%s must be at most %s, not %s"):format(label, show(max), show(value))
  end
  return value
end

local function read(option, text, label)
  local value, expected = types[option.type].read(text, option)
  if value == nil then
    -- A malformed host set brings its own sentence, with the position.
    if option.type == "hostlist" then return nil, ("%s: %s"):format(label, expected) end
    local near = option.choices and suggestion(text, option.choices) or ""
    return nil, ("%s must be %s, not '%s'%s"):format(label, expected, text, near)
  end
  if option.min or option.max then return in_bounds(option, value, label) end
  return value
end

local function accept(option, value, label)
  if type(value) == "string" then return read(option, value, label) end
  if not types[option.type].accept(value) then
    local _, expected = types[option.type].read("", option)
    return nil, ("%s must be %s, not %s"):format(label, expected or "a string",
      type(value) == "number" and tostring(value) or "a " .. type(value))
  end
  if option.min or option.max then return in_bounds(option, value, label) end
  return value
end

--- The default of an option as a value of its type; nil, message when it does not fit.
function options.default(option)
  if option.default == nil then return nil end
  return accept(option, option.default, ("the default of '%s'"):format(option[1]))
end

--- A value as one would write it on the command line.
---@return string
function options.show(option, value)
  return types[option.type].show(value)
end

-- ---- the command line ----------------------------------------------------------------------

-- The parser: a cursor over argv and what it has found.
local Parser = {}
Parser.__index = Parser

local function index_of(list)
  local long, short = {}, {}
  for _, option in ipairs(list) do
    long[flag_of(option[1]):sub(3)] = option
    if option.short then short[option.short] = option end
  end
  return long, short
end

function Parser:store(option, value)
  local key = key_of(option[1])
  if self.given[key] and option.type == "list" then
    table.move(value, 1, #value, #self.values[key] + 1, self.values[key])
  elseif self.given[key] and option.type == "hostlist" then
    local before = self.values[key]
    self.values[key] = option.unresolved and before .. "," .. value or before + value
  else
    self.values[key] = value
  end
  self.given[key] = true
  return true
end


-- The value of an option that needs one: after '=', the rest of a cluster, or the next word.
function Parser:take(option, label, attached)
  local text = attached
  if not text then
    self.at = self.at + 1
    text = self.argv[self.at]
    if not text then
      local metavar = option.metavar or types[option.type].metavar or "value"
      return nil, ("%s needs a value (%s)"):format(label, metavar)
    end
  end
  local value, message = read(option, text, label)
  if value == nil then return nil, message end
  return self:store(option, value)
end

function Parser:unknown_long(name)
  local flags = {}
  for known in pairs(self.long) do flags[#flags + 1] = "--" .. known end
  table.sort(flags)
  return nil, ("unknown option --%s%s"):format(name, suggestion("--" .. name, flags))
end

function Parser:read_long(word)
  local name, attached = word:match("^%-%-([^=]+)=(.*)$")
  name = (name or word:sub(3)):gsub("_", "-")
  local option = self.long[name]
  local negated = not option and name:match("^no%-(.+)$")
  if negated and self.long[negated] and self.long[negated].type == "bool" then
    option = self.long[negated]
  else
    negated = nil
  end
  if not option then return self:unknown_long(name) end
  if option.later then return not_yet("--" .. name) end
  if option.type ~= "bool" then return self:take(option, "--" .. name, attached) end
  if negated and attached then return nil, ("--%s takes no value"):format(name) end
  if attached then return self:take(option, "--" .. name, attached) end
  return self:store(option, not negated)
end

function Parser:read_cluster(word)
  local at = 2
  while at <= #word do
    local letter = word:sub(at, at)
    local option = self.short[letter]
    if not option then return nil, ("unknown option -%s"):format(letter) end
    if option.later then return not_yet("-" .. letter) end
    if option.type ~= "bool" then
      local attached = at < #word and word:sub(at + 1) or nil
      return self:take(option, "-" .. letter, attached)
    end
    self:store(option, true)
    at = at + 1
  end
  return true
end

function Parser:read_words(stop_at_word)
  local argv = self.argv
  while self.at <= #argv do
    local word = argv[self.at]
    local ok, message = true, nil
    if word == "--" then
      table.move(argv, self.at + 1, #argv, #self.rest + 1, self.rest)
      return true
    elseif word:sub(1, 2) == "--" then
      ok, message = self:read_long(word)
    elseif #word > 1 and word:sub(1, 1) == "-" then
      ok, message = self:read_cluster(word)
    elseif stop_at_word then
      table.move(argv, self.at, #argv, #self.rest + 1, self.rest)
      return true
    else
      self.rest[#self.rest + 1] = word
    end
    if not ok then return nil, message end
    if self.values.help then return true end
    self.at = self.at + 1
  end
  return true
end

local HELP = { "help", short = "h", type = "bool" }

local function fill_defaults(list, values, label_of)
  for _, option in ipairs(list) do
    local key = key_of(option[1])
    if values[key] == nil and not option.later then
      if option.required and option.type ~= "secret" then -- who runs it looks for secrets
        return nil, ("%s is required"):format(label_of(option[1]))
      end
      values[key] = options.default(option)
    end
  end
  return true
end

--- Reads a command line. `argv` is an array from 1. settings.stop_at_word: options end at the
--- first word that is none. --help ends the reading with values.help set.
---@param spec table
---@param argv string[]
---@param settings? { stop_at_word: boolean }
---@return table? values   defaults included
---@return string[]|string rest   the words that are no options; the message when values is nil
---@return table<string, boolean>? given   which values came from argv
function options.parse(spec, argv, settings)
  local list = options.list(spec)
  local long, short = index_of(list)
  long.help, short.h = long.help or HELP, short.h or HELP
  local parser = setmetatable({ argv = argv, at = 1, long = long, short = short, values = {},
    given = {}, rest = {} }, Parser)
  local ok, message = parser:read_words(settings and settings.stop_at_word)
  if ok and not parser.values.help then
    ok, message = fill_defaults(list, parser.values, flag_of)
  end
  if not ok then return nil, message end
  return parser.values, parser.rest, parser.given
end

--- The same for values given from Lua: a table by key ("connect_timeout" or "connect-timeout").
--- Strings are read as on the command line ("10m"), everything else must have the type.
---@param spec table
---@param given table
---@return table? values   defaults included
---@return string? message
function options.validate(spec, given)
  local list = options.list(spec)
  local by_key, keys, values = {}, {}, {}
  for _, option in ipairs(list) do
    keys[#keys + 1] = key_of(option[1])
    by_key[keys[#keys]] = option
  end
  for name, value in pairs(given) do
    local option = type(name) == "string" and by_key[key_of(name)]
    if not option then
      local shown = tostring(name)
      return nil, ("unknown option '%s'%s"):format(shown, suggestion(shown, keys))
    end
    if option.later then return not_yet(("'%s'"):format(name)) end
    local message
    value, message = accept(option, value, ("'%s'"):format(name))
    if value == nil then return nil, message end
    values[key_of(name)] = value
  end
  local ok, message = fill_defaults(list, values, function(name) return ("'%s'"):format(name) end)
  if not ok then return nil, message end
  return values
end

return options
