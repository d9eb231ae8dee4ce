/*
 * lua_store.h - perilune.core.store: records of runs and the index over them, as Lua sees them.
 *
 * Three userdata: the store; a record of one run, which keeps what it needs of the store; the sink
 * of one fan-out, which writes nothing any more once its record is finished.
 */
#ifndef PL_BINDINGS_LUA_STORE_H
#define PL_BINDINGS_LUA_STORE_H

#define LUA_STORE_CLASS "perilune.store"
#define LUA_RECORD_CLASS "perilune.record"
#define LUA_RECORD_SINK_CLASS "perilune.record.sink"

#endif
