#include "limits.h"

#include <string.h>

int64_t limits_take(Limit *limits, int32_t *count, int32_t k) {
    int32_t i = 0;
    while (limits[i].buffer != k) i++;
    int64_t slack = limits[i].slack;
    memmove(limits + i, limits + i + 1, (size_t)(--*count - i) * sizeof *limits);
    return slack;
}

bool limits_keep(Limit *limits, int32_t count, int64_t room, int64_t size) {
    int64_t left = room - size;
    for (int32_t i = 0; i < count; i++) {
        int64_t slack = limits[i].slack;
        limits[i].slack = slack > room ? slack - size : slack < left ? slack : left;
    }
    return left >= 0;
}

static void sort(Limit *limits, int32_t count) {
    for (int32_t i = 1; i < count; i++) {
        Limit limit = limits[i];
        int32_t j = i;
        for (; j > 0 && (limits[j - 1].slack > limit.slack ||
                         (limits[j - 1].slack == limit.slack && limits[j - 1].buffer > limit.buffer));
             j--)
            limits[j] = limits[j - 1];
        limits[j] = limit;
    }
}

/* Where the group that begins at `i` ends; adds its bytes to *total. */
static int32_t group_end(const Space *sp, const Limit *limits, int32_t count, int32_t i,
                         int64_t *total) {
    int64_t slack = limits[i].slack;
    for (; i < count && limits[i].slack == slack; i++) *total += sp->size[limits[i].buffer];
    return i;
}

void limits_loosen(const Space *sp, Limit *limits, int32_t *count, Word *loose) {
    int64_t most = 0;
    int32_t waiting = 0; /* buffers from here on are under no limit of their own */
    for (int32_t i = 0; i < *count;) {
        int64_t slack = limits[i].slack, total = most;
        i = group_end(sp, limits, *count, i, &total);
        if (slack < total) {
            while (waiting < i) limits[waiting++].slack = slack;
            most = slack;
        } else {
            most = total;
        }
    }
    for (int32_t i = waiting; i < *count; i++) put(loose, limits[i].buffer);
    *count = waiting;
    sort(limits, waiting);
}

int64_t limits_most(const Space *sp, const Limit *limits, int32_t count, const Word *among) {
    int64_t most = 0;
    for (int32_t i = 0; i < count; i++) {
        if (!has(among, limits[i].buffer)) continue;
        most += sp->size[limits[i].buffer];
        if (most > limits[i].slack) most = limits[i].slack;
    }
    return most;
}
