/* Beam search: the compiled twin of beam_order in solver/peak/heuristics.py. */
#ifndef TIGHTFIT_BEAM_H
#define TIGHTFIT_BEAM_H

#include "space.h"

/* Asked after each level whether to go on. */
typedef bool (*GoOn)(void *context);

/* Fills in `path` and returns its length; 0 if the beam ran dry, -1 if memory is short, -2 if it
 * was told to stop. */
/* Peaks up to `floor` count as equal. */
int32_t beam_run(const Space *space, int32_t width, int64_t below, int64_t effort, int64_t floor,
                 int32_t *path, GoOn go_on, void *context);

#endif
