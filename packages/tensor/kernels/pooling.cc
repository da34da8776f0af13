#include "accumulate.h"
#include "conv.h"

// Maximum and average pooling and their gradients, over channels-last images: loops run along channels.
// Payload: average, batch, channels, image height and width, output height and width, kernel, stride, padding (two each),
// count padding, x, y (or dy), and for gradients dx.

namespace {

struct PoolTask {
  const Context &context;
  bool average;
  int batch, channels, H, W, rows, columns;
  int kernel[2], stride[2], padding[2];
  bool countsPadding;
  Image x, y, dx;

  PoolTask(const Context &owner, const int32_t *payload, bool isGradient) : context(owner) {
    Words in = {payload};
    average = in.next() != 0;
    batch = in.next();
    channels = in.next();
    H = in.next();
    W = in.next();
    rows = in.next();
    columns = in.next();
    for (int d = 0; d < 2; d++) kernel[d] = in.next();
    for (int d = 0; d < 2; d++) stride[d] = in.next();
    for (int d = 0; d < 2; d++) padding[d] = in.next();
    countsPadding = in.next() != 0;
    x.read(in);
    y.read(in);
    if (isGradient) dx.read(in);
  }

  float *at(const Image &image, int n) const {
    return context.at<float>(image.slot, image.offset) + n * image.batch;
  }
};

// The part of a window that lies inside the image.
struct Window {
  int top, bottom, left, right;
  float divisor;

  Window(const PoolTask &task, int t, int u) {
    const int h = t * task.stride[0] - task.padding[0], w = u * task.stride[1] - task.padding[1];
    top = most(h, 0);
    left = most(w, 0);
    bottom = least(h + task.kernel[0], task.H);
    right = least(w + task.kernel[1], task.W);
    const int height = least(h + task.kernel[0], task.H + task.padding[0]) - h;
    const int width = least(w + task.kernel[1], task.W + task.padding[1]) - w;
    divisor = float(task.countsPadding ? height * width : (bottom - top) * (right - left));
  }
};

enum { POOL_CHANNELS = 64 };

// STEP is the distance of channels, 0 when it is not known to the compiler.
template <int STEP>
void poolOutput(const PoolTask &task, const float *image, float *to, int t, int u, int first, int count) {
  const Window window(task, t, u);
  const Index step = STEP ? STEP : task.x.channel, toStep = STEP ? STEP : task.y.channel;
  float results[POOL_CHANNELS];
  const float start = task.average ? 0.0f : -__builtin_inff();
  for (int c = 0; c < count; c++) results[c] = start;
  for (int h = window.top; h < window.bottom; h++) {
    for (int w = window.left; w < window.right; w++) {
      const float *p = image + h * task.x.row + w * task.x.column + first * step;
      if (task.average) for (int c = 0; c < count; c++) results[c] += p[c * step];
      else for (int c = 0; c < count; c++) results[c] = maxOf(results[c], p[c * step]);
    }
  }
  if (task.average) for (int c = 0; c < count; c++) results[c] /= window.divisor;
  float *q = to + first * toStep;
  for (int c = 0; c < count; c++) q[c * toStep] = results[c];
}

void runPool(const Context &context, const int32_t *payload) {
  const PoolTask task(context, payload, false);
  const bool plain = task.x.channel == 1 && task.y.channel == 1;
  const int rowWork = most(1, task.columns * task.channels * task.kernel[0] * task.kernel[1]);
  const int step = most(1, 100000 / rowWork), all = task.batch * task.rows;
  forChunks(context, ceilDivide(all, step), [&](int chunk, int) {
    for (int row = chunk * step; row < least(all, (chunk + 1) * step); row++) {
      const int n = row / task.rows, t = row % task.rows;
      for (int u = 0; u < task.columns; u++) {
        float *to = task.at(task.y, n) + t * task.y.row + u * task.y.column;
        for (int c = 0; c < task.channels; c += POOL_CHANNELS) {
          const int count = least(int(POOL_CHANNELS), task.channels - c);
          if (plain) poolOutput<1>(task, task.at(task.x, n), to, t, u, c, count);
          else poolOutput<0>(task, task.at(task.x, n), to, t, u, c, count);
        }
      }
    }
  });
}

// Finds the first maximum of a window for each channel, then adds the gradient to the tap that is it.
template <int STEP>
void maxPoolBack(const PoolTask &task, const float *image, const float *gradient, float *to, const Window &window,
                 int count) {
  const Index step = STEP ? STEP : task.x.channel, gradientStep = STEP ? STEP : task.y.channel;
  const Index toStep = STEP ? STEP : task.dx.channel;
  float best[POOL_CHANNELS];
  int32_t at[POOL_CHANNELS];
  int tap = 0;
  for (int h = window.top; h < window.bottom; h++) {
    for (int w = window.left; w < window.right; w++, tap++) {
      const float *p = image + h * task.x.row + w * task.x.column;
      for (int c = 0; c < count; c++) {
        const float value = p[c * step], top = best[c];
        const bool better = (tap == 0) | (value > top) | ((value != value) & (top == top));
        best[c] = better ? value : top;
        at[c] = better ? tap : at[c];
      }
    }
  }
  tap = 0;
  for (int h = window.top; h < window.bottom; h++) {
    for (int w = window.left; w < window.right; w++, tap++) {
      float *p = to + h * task.dx.row + w * task.dx.column;
      for (int c = 0; c < count; c++) p[c * toStep] += at[c] == tap ? gradient[c * gradientStep] : 0.0f;
    }
  }
}

template <int STEP>
void averagePoolBack(const PoolTask &task, const float *gradient, float *to, const Window &window, int count) {
  const Index gradientStep = STEP ? STEP : task.y.channel, toStep = STEP ? STEP : task.dx.channel;
  float share[POOL_CHANNELS];
  for (int c = 0; c < count; c++) share[c] = gradient[c * gradientStep] / window.divisor;
  for (int h = window.top; h < window.bottom; h++) {
    for (int w = window.left; w < window.right; w++) {
      float *p = to + h * task.dx.row + w * task.dx.column;
      for (int c = 0; c < count; c++) p[c * toStep] += share[c];
    }
  }
}

template <int STEP> void poolBackChannels(const PoolTask &task, int n, int first, int count) {
  const Image &dx = task.dx;
  float *to = task.at(dx, n) + first * dx.channel;
  const float *image = task.at(task.x, n) + first * task.x.channel;
  const Index toStep = STEP ? STEP : dx.channel;
  for (int h = 0; h < task.H; h++) {
    for (int w = 0; w < task.W; w++) {
      float *p = to + h * dx.row + w * dx.column;
      for (int c = 0; c < count; c++) p[c * toStep] = 0.0f;
    }
  }
  for (int t = 0; t < task.rows; t++) {
    for (int u = 0; u < task.columns; u++) {
      const Window window(task, t, u);
      const float *gradient = task.at(task.y, n) + t * task.y.row + u * task.y.column + first * task.y.channel;
      if (task.average) averagePoolBack<STEP>(task, gradient, to, window, count);
      else maxPoolBack<STEP>(task, image, gradient, to, window, count);
    }
  }
}

// Windows may overlap, so an image's block of channels is one chunk.
void runPoolBack(const Context &context, const int32_t *payload) {
  const PoolTask task(context, payload, true);
  const bool plain = task.x.channel == 1 && task.y.channel == 1 && task.dx.channel == 1;
  const int blocks = ceilDivide(task.channels, POOL_CHANNELS);
  forChunks(context, task.batch * blocks, [&](int chunk, int) {
    const int first = chunk % blocks * POOL_CHANNELS, count = least(int(POOL_CHANNELS), task.channels - first);
    if (plain) poolBackChannels<1>(task, chunk / blocks, first, count);
    else poolBackChannels<0>(task, chunk / blocks, first, count);
  });
}

}  // namespace
