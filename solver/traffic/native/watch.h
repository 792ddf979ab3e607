/* A look at the world outside now and then: limits and Ctrl-C. */
#ifndef TIGHTFIT_TRAFFIC_WATCH_H
#define TIGHTFIT_TRAFFIC_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef enum { GO_ON, PAUSE, STOP } Advice;

typedef struct Watch {
    Advice (*ask)(void *whom); /* NULL if there is nobody to ask */
    void *whom;
    Advice advice; /* the last */
    int64_t next;  /* nanoseconds of the clock from which to ask again */
    int32_t beats; /* until the next look at the clock */
} Watch;

enum { WATCH_BEATS = 8, WATCH_NANOSECONDS = 20 * 1000 * 1000 };

/* Called between small pieces of work; false once all work has to be left as it is. */
static inline bool goes_on(Watch *w) {
    if (!w->ask || w->advice == STOP || --w->beats > 0) return w->advice != STOP;
    w->beats = WATCH_BEATS;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t nanoseconds = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    if (nanoseconds < w->next) return true;
    w->next = nanoseconds + WATCH_NANOSECONDS;
    w->advice = w->ask(w->whom);
    return w->advice != STOP;
}

#endif
