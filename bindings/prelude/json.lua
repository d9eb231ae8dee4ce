-- json.lua - JSON texts into tables and back: encode(value, { indent =, sort = }), decode(text).
-- array(t) and object(t) say what an empty table is; null stands for JSON's null.

return require "perilune.core.json"
