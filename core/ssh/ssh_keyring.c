/* ssh_keyring.c - see ssh_keyring.h */
#include "ssh/ssh_keyring.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/strtable.h"

struct ssh_keyring {
	struct loop *loop;
	const struct ssh_keyring_events *events;
	void *arg;
	struct strtable agents; /* by the path of their socket */
	struct ssh_unlock *unlock; /* NULL: there is nobody to ask */
	struct strbuf last;
};

static void on_unlock_change(void *arg)
{
	struct ssh_keyring *ring = arg;

	ring->events->on_change(ring->arg);
}

static void on_asking(void *arg, bool begins)
{
	struct ssh_keyring *ring = arg;

	ring->events->on_asking(ring->arg, begins);
}

static const struct ssh_unlock_events unlock_events = { on_unlock_change, on_asking };

struct ssh_keyring *ssh_keyring_create(struct loop *loop, const struct ssh_keyring_events *events,
				       void *arg)
{
	struct ssh_keyring *ring = xcalloc(1, sizeof(*ring));

	*ring = (struct ssh_keyring){ .loop = loop, .events = events, .arg = arg };
	if (events->on_asking != NULL && ssh_unlock_can_ask())
		ring->unlock = ssh_unlock_create(loop, &unlock_events, ring);
	return ring;
}

void ssh_keyring_destroy(struct ssh_keyring *ring)
{
	const struct strtable_entry *it;
	size_t pos = 0;

	if (ring == NULL)
		return;
	while ((it = strtable_next(&ring->agents, &pos)) != NULL)
		ssh_agent_destroy(it->value);
	strtable_fini(&ring->agents);
	ssh_unlock_destroy(ring->unlock);
	strbuf_fini(&ring->last);
	free(ring);
}

static void on_listed(void *arg, struct ssh_agent *agent)
{
	struct ssh_keyring *ring = arg;
	const char *trouble = ssh_agent_trouble(agent);

	if (*trouble != '\0')
		ring->events->on_note(ring->arg, trouble);
	ring->events->on_change(ring->arg);
}

struct ssh_agent *ssh_keyring_agent(struct ssh_keyring *ring, const char *path)
{
	struct ssh_agent *agent = strtable_get(&ring->agents, path);

	if (agent == NULL) {
		agent = ssh_agent_create(ring->loop, path, on_listed, ring);
		strtable_put(&ring->agents, path, agent);
	}
	return agent;
}

bool ssh_keyring_unlocks(const struct ssh_keyring *ring)
{
	return ring->unlock != NULL;
}

enum ssh_unlock_state ssh_keyring_unlock(struct ssh_keyring *ring, const char *path,
					 struct ssh_agent **agent)
{
	enum ssh_unlock_state state = ssh_unlock_key(ring->unlock, path);

	if (state == SSH_UNLOCK_DONE)
		*agent = ssh_keyring_agent(ring, ssh_unlock_agent(ring->unlock));
	return state;
}

void ssh_keyring_worked(struct ssh_keyring *ring, struct field blob)
{
	if (field_equals(blob, ssh_keyring_last(ring)))
		return;
	strbuf_reset(&ring->last);
	strbuf_add(&ring->last, blob.p, blob.len);
}

struct field ssh_keyring_last(const struct ssh_keyring *ring)
{
	return (struct field){ (const unsigned char *)ring->last.s, ring->last.len };
}
