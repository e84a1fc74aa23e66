/* A telephone on Debian's liblinphone that answers a call by itself where the call asks for it, and rings else. The library finds the wish (RFC 3261
 * Call-Info with answer-after); whether it is followed is an application's part, and linphonec has none. Its voice is a file, its ear too.
 *
 *   answering CONFIG VOICE.wav EAR-PREFIX
 *
 * It prints each state of each call, and ends when its standard input does. The library's headers are not needed: what is used of it is named here. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct core core;
typedef struct call call;
typedef struct callbacks callbacks;
typedef struct factory factory;

factory *linphone_factory_get(void);
core *linphone_factory_create_core_3(const factory *, const char *config, const char *factory_config, void *context);
callbacks *linphone_factory_create_core_cbs(const factory *);
void linphone_core_cbs_set_call_state_changed(callbacks *, void (*)(core *, call *, int state, const char *message));
void linphone_core_add_callbacks(core *, callbacks *);
int linphone_core_start(core *);
void linphone_core_iterate(core *);
void linphone_core_stop(core *);
void linphone_core_set_use_files(core *, unsigned char);
void linphone_core_set_play_file(core *, const char *);
void linphone_core_set_record_file(core *, const char *);
unsigned char linphone_call_asked_to_autoanswer(const call *);
int linphone_call_accept(call *);
const char *linphone_call_state_to_string(int);

static const char *ear;
static int calls;

/* listen_to says where the next call is written down. The library must have none then. */
static void listen_to(core *c) {
	char file[1024];
	snprintf(file, sizeof file, "%s%d.wav", ear, calls + 1);
	linphone_core_set_record_file(c, file);
}

static void changed(core *c, call *l, int state, const char *message) {
	const char *name = linphone_call_state_to_string(state);
	(void)message;
	printf("%s\n", name);
	if (strstr(name, "IncomingReceived") && !strstr(name, "Push")) {
		calls++;
		if (linphone_call_asked_to_autoanswer(l)) {
			printf("call %d asks to be answered\n", calls);
			linphone_call_accept(l);
		} else {
			printf("call %d rings\n", calls);
		}
	} else if (strstr(name, "Released")) {
		listen_to(c);
	}
}

int main(int argc, char **argv) {
	if (argc != 4)
		return 2;
	ear = argv[3];
	setvbuf(stdout, NULL, _IOLBF, 0);
	factory *f = linphone_factory_get();
	core *c = linphone_factory_create_core_3(f, argv[1], NULL, NULL);
	callbacks *b = linphone_factory_create_core_cbs(f);
	linphone_core_cbs_set_call_state_changed(b, changed);
	linphone_core_add_callbacks(c, b);
	linphone_core_set_use_files(c, 1);
	linphone_core_set_play_file(c, argv[2]);
	listen_to(c);
	if (linphone_core_start(c) != 0)
		return 1;
	printf("answering is ready\n");
	for (;;) {
		struct pollfd in = {.fd = 0, .events = POLLIN};
		char byte;
		if (poll(&in, 1, 10) > 0 && read(0, &byte, 1) <= 0)
			break;
		linphone_core_iterate(c);
	}
	linphone_core_stop(c);
	return 0;
}
