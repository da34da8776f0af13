#include "tile.h"

// Map groups: the tile program over the whole index space, in chunks of whole tiles.
// Payload: elements, tile, registers, elements a chunk, words of the prologue, words of the body, prologue, body,
// records. The prologue loads and computes what is the same in every tile.

namespace {

void runMap(const Context &context, const int32_t *payload) {
  Words words = {payload};
  const int elements = words.next(), tile = words.next(), registers = words.next(), step = words.next();
  const int prologueWords = words.next(), bodyWords = words.next();
  const int32_t *prologue = words.at, *body = prologue + prologueWords;
  const Index threadBytes = alignUp(Index(registers) * tile * 4);
  forChunks(context, ceilDivide(elements, step), [&](int chunk, int thread) {
    Tiles tiles(context, payload, context.workspace + threadBytes * thread, tile);
    const int first = chunk * step, end = least(elements - first, step) + first;
    tiles.run(prologue, body, first, least(tile, end - first));
    for (int start = first; start < end; start += least(tile, end - start)) {
      tiles.run(body, body + bodyWords, start, least(tile, end - start));
    }
  });
}

}  // namespace
