/* lua_transport.h - transports as Lua sees them. */
#ifndef PL_BINDINGS_LUA_TRANSPORT_H
#define PL_BINDINGS_LUA_TRANSPORT_H

#include <lua.h>

#include "transport/transport.h"

/* The open transport at arg; raises when it is none, or closed. Whoever holds on to the pointer
 * keeps the userdata alive. */
struct transport *lua_check_transport(lua_State *L, int arg);

/* Pushes a transport, which is the userdata's from then on; it keeps the value at `keep`. */
void lua_push_transport(lua_State *L, struct transport *tp, int keep);

#endif
