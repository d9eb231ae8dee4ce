-- store.lua - perilune.core.store: records of runs from Lua
local tap = require "tap"
local hostset = require "perilune.core.hostset"
local run = require "perilune.core.run"
local store = require "perilune.core.store"
local sys = require "perilune.core.sys"
local transport = require "perilune.core.transport"

local dir = assert(sys.mkdtemp "pl-store-lua")
local st = assert(store.open(dir .. "/state"))

-- ---- wrong use --------------------------------------------------------------------------------

tap.is(pcall(st.begin, st, { name = "no kind" }), false, "a record needs a kind")
tap.is(store.open "/proc/nowhere", nil, "a folder that cannot be made")
tap.is(select(3, st:find "last"), "noent", "no runs yet")
tap.is(#st:list(), 0, "an empty list")

-- ---- a record ---------------------------------------------------------------------------------

local rec = assert(st:begin({ kind = "exec", name = "echo", hosts = "a,b" }))
tap.ok(rec:id():find "^%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d%-%x%x%x%x%x%x$", "an id with its time")
tap.ok(rec:dir():find(rec:id(), 1, true), "a folder that is called so")
tap.is(rec:append("note", { text = "caf\u{e9}", n = 3 }), true, "an event")
tap.is(rec:append "bare", true, "an event without fields")
tap.is(rec:append("empty", {}), true, "and with none in it")
tap.is(pcall(rec.append, rec, "list", { 1, 2 }), false, "fields have names")
tap.is(pcall(rec.finish, rec, 0, "splendid"), false, "no such verdict")

local r = assert(run.start { transport = transport["local"](), id = rec:id() .. "-1",
	hosts = hostset.parse "a,b", line = "case $PERILUNE_TASK in *.1.1) exit 1;; esac",
	sinks = { rec:sink(1) } })
r:wait()
tap.is(rec:sync(), true, "a sync")
local id, folder = rec:id(), rec:dir()
tap.is(rec:finish(1, "fail"), true, "finished")
tap.is(pcall(rec.id, rec), false, "a finished record is closed")

local events, torn = store.read(folder)
tap.is(torn, false, "the journal is whole")
tap.is(events[1].ev, "begin", "it begins")
tap.is(events[1].hosts, "a,b", "with what the verb added")
tap.is(events[2].text, "caf\u{e9}", "events as they were given")
tap.is(events[5].ev, "call", "the intent")
tap.is(events[5].hosts, "a,b", "its hosts folded")
tap.is(events[#events].verdict, "fail", "and ends")
tap.is(store.read "/nowhere", nil, "a folder without a journal")

-- ---- the index --------------------------------------------------------------------------------

local row = st:list()[1]
tap.is(row.id, id, "the run is in the list")
tap.is(row.hosts, 2, "with its hosts")
tap.is(row.failed, 1, "and who failed")
tap.is(row.status, 1, "and its exit status")
tap.is(st:find(id:sub(1, 20)), folder, "found by the beginning of its id")
tap.is(st:find "last", folder, "and as the last")

local crashed = st:begin({ kind = "run", name = "crash" }, dir .. "/elsewhere")
tap.is(st:begin({ kind = "run", name = "again" }, dir .. "/elsewhere"), nil, "a folder holds one run")
crashed = nil
collectgarbage()
tap.is(#st:list(), 2, "a run without an end is listed")
tap.is(st:list(1)[1].ended, nil, "as not ended")
tap.is(st:reindex(), 2, "the index is made anew from the folders")
st:close()
st:close()
tap.is(pcall(st.list, st), false, "a closed store is closed")

do
	local record = store.open(dir):begin { kind = "test", name = "events" }
	for _, ev in ipairs { "", 'a"b', "a b", "a\0b" } do
		tap.raises("name of an event", ("an event called %q would spoil the journal"):format(ev), record.append, record, ev)
	end
end

os.execute("rm -r '" .. dir .. "'")
return tap.done()
