/* Byte limits on nested sets of buffers, see solver/traffic/slack.py. */
#ifndef TIGHTFIT_TRAFFIC_LIMITS_H
#define TIGHTFIT_TRAFFIC_LIMITS_H

#include "space.h"

/* Of the buffers of a list whose slack is at most this, so many bytes can have been kept. Lists are
 * sorted by slack, then buffer. */
typedef struct {
    int64_t slack;
    int32_t buffer;
} Limit;

/* Take a buffer off the list; returns its slack. */
int64_t limits_take(Limit *limits, int32_t *count, int32_t k);
/* Decide that a buffer, taken off with `room`, has been kept; whether it could. */
bool limits_keep(Limit *limits, int32_t count, int64_t room, int64_t size);
/* Remove limits that others imply: the buffers under none any more are put into `loose`. */
void limits_loosen(const Space *space, Limit *limits, int32_t *count, Word *loose);
/* Bytes of the buffers of a mask that can have been kept, at most. */
int64_t limits_most(const Space *space, const Limit *limits, int32_t count, const Word *among);

#endif
