/* Counts with hiredis, which knows nothing of Sentinels: the application asks them. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct timeval second = {1, 0};

/* dial connects and logs in. It returns NULL if it cannot. */
static redisContext *dial(const char *host, int port, const char *password) {
	redisContext *c = redisConnectWithTimeout(host, port, second);
	if (c == NULL || c->err || redisSetTimeout(c, second) != REDIS_OK) {
		if (c) redisFree(c);
		return NULL;
	}
	if (password && *password) {
		redisReply *r = redisCommand(c, "AUTH %s", password);
		if (r == NULL || r->type == REDIS_REPLY_ERROR) {
			if (r) freeReplyObject(r);
			redisFree(c);
			return NULL;
		}
		freeReplyObject(r);
	}
	return c;
}

/* dialMasterOf asks one Sentinel and connects to what it says, if that is a master. */
static redisContext *dialMasterOf(const char *host, int port) {
	redisContext *c = NULL, *sentinel = dial(host, port, getenv("SENTINEL_PASSWORD"));
	if (sentinel == NULL) return NULL;
	redisReply *r = redisCommand(sentinel, "SENTINEL get-master-addr-by-name %s", getenv("MASTER"));
	if (r && r->type == REDIS_REPLY_ARRAY && r->elements == 2)
		c = dial(r->element[0]->str, atoi(r->element[1]->str), getenv("PASSWORD"));
	if (r) freeReplyObject(r);
	redisFree(sentinel);
	if (c == NULL) return NULL;
	r = redisCommand(c, "ROLE");
	int master = r && r->type == REDIS_REPLY_ARRAY && r->elements && strcmp(r->element[0]->str, "master") == 0;
	if (r) freeReplyObject(r);
	if (master) return c;
	redisFree(c);
	return NULL;
}

static redisContext *dialMaster(void) {
	char *list = strdup(getenv("SENTINELS")), *rest = list, *addr;
	redisContext *c = NULL;
	while (c == NULL && (addr = strsep(&rest, " ")) != NULL) {
		char *port = strrchr(addr, ':');
		*port++ = '\0';
		c = dialMasterOf(addr, atoi(port));
	}
	free(list);
	return c;
}

int main(void) {
	useconds_t pause = atof(getenv("EVERY")) * 1e6;
	redisContext *c = NULL;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("version %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
	for (;; usleep(pause)) {
		if (c == NULL && (c = dialMaster()) == NULL) {
			printf("error no Sentinel names a master that can be reached\n");
			continue;
		}
		redisReply *r = redisCommand(c, "INCR %s", getenv("KEY"));
		if (r && r->type == REDIS_REPLY_INTEGER) {
			printf("ok %lld\n", r->integer);
		} else {
			/* READONLY leaves the connection open, and it leads to a replica now. */
			printf("error %s\n", r ? r->str : c->errstr);
			redisFree(c);
			c = NULL;
		}
		if (r) freeReplyObject(r);
	}
}
