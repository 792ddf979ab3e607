/* Why a search paused. */
#ifndef TIGHTFIT_TRAFFIC_EVENT_H
#define TIGHTFIT_TRAFFIC_EVENT_H

typedef enum { EVENT_SLICE, EVENT_FOUND, EVENT_EXHAUSTED, EVENT_NO_MEMORY } Event;

#endif
