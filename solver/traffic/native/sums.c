#include "sums.h"

#include <stdbool.h>
#include <string.h>

#include "facts.h"

void sums_find(Sums *found, const Space *sp, int32_t first, const Word *undone, int32_t op,
               int64_t room) {
    int64_t more[2 * MOST_SUMS + 2];
    int32_t count = 1;
    found->sums[0] = found->total = 0;
    bool few = true;
    for (int32_t k = first; k < sp->buffers; k++) {
        if (!is_live(sp, undone, k) || ends_with(sp, undone, k, -1) || touches(sp, op, k)) continue;
        int64_t size = sp->size[k];
        found->total += size;
        if (!few) continue;
        /* Merge the sums with and without this buffer, both ascending. */
        int32_t n = 0, a = 0, b = 0;
        for (;;) {
            int64_t without = a < count ? found->sums[a] : INT64_MAX;
            int64_t with = b < count ? found->sums[b] + size : INT64_MAX;
            if (with > room) with = INT64_MAX;
            int64_t next = with < without ? with : without;
            if (next == INT64_MAX) break;
            if (with == next) b++;
            if (without == next) a++;
            more[n++] = next;
        }
        memcpy(found->sums, more, (size_t)n * sizeof *more);
        count = n;
        few = count <= MOST_SUMS;
    }
    found->count = few ? count : -1;
}

int64_t sums_fitting(const Sums *s, int64_t room) {
    if (s->total <= room) return s->total;
    if (s->count < 0) return room;
    int32_t low = 0, high = s->count - 1;
    while (low < high) {
        int32_t middle = (low + high + 1) / 2;
        if (s->sums[middle] <= room) low = middle;
        else high = middle - 1;
    }
    return s->sums[low];
}
