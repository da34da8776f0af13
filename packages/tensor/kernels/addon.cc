// The Node-API addon: opens engines and passes integers to them. What the calls mean stands in native.ts.
#define NAPI_VERSION 8
#include <node_api.h>

#include <cstring>
#include <exception>
#include <memory>

#include "codeMemory.h"
#include "engine.h"
#include "processor.h"

namespace {

// One open backend of one environment (the main thread or a worker); there is no state besides. JS closes it, or the
// clean-up hook of its environment does.
struct Context {
  std::unique_ptr<Engine> engine;
  napi_threadsafe_function completed = nullptr;
};

bool succeeded(napi_env env, napi_status status) {
  if (status == napi_ok) return true;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) return false;
  const napi_extended_error_info *info = nullptr;
  napi_get_last_error_info(env, &info);
  napi_throw_error(env, nullptr, info != nullptr && info->error_message != nullptr ? info->error_message : "Node-API call failed");
  return false;
}

// The arguments of a call whose first one is a backend.
template <size_t count> struct Arguments {
  napi_value values[count] = {};
  Context *context = nullptr;

  // Null, with an exception pending, when the backend is closed or the arguments are not what was agreed.
  Engine *open(napi_env env, napi_callback_info info) {
    size_t given = count;
    void *external = nullptr;
    if (!succeeded(env, napi_get_cb_info(env, info, &given, values, nullptr, nullptr))) return nullptr;
    if (!succeeded(env, napi_get_value_external(env, values[0], &external))) return nullptr;
    context = static_cast<Context *>(external);
    if (context->engine == nullptr) napi_throw_error(env, nullptr, "the CPU backend is closed");
    return context->engine.get();
  }

  bool number(napi_env env, size_t at, uint32_t *value) { return succeeded(env, napi_get_value_uint32(env, values[at], value)); }

  // The bytes of a typed array, and the place of the line in the arena when they all fit there.
  bool bytes(napi_env env, Engine *engine, size_t at, uint32_t line, void **data, size_t *size, uint8_t **place) {
    napi_typedarray_type type;
    size_t length = 0;
    if (!succeeded(env, napi_get_typedarray_info(env, values[at], &type, &length, data, nullptr, nullptr))) return false;
    *size = length * (type == napi_uint8_array || type == napi_int8_array || type == napi_uint8_clamped_array ? 1
                      : type == napi_int16_array || type == napi_uint16_array                                ? 2
                      : type == napi_int32_array || type == napi_uint32_array || type == napi_float32_array  ? 4
                                                                                                             : 8);
    const size_t offset = size_t(line) * 64;
    if (offset + *size > engine->arena.size()) {
      napi_throw_range_error(env, nullptr, "beyond the end of the arena");
      return false;
    }
    *place = engine->arena.base() + offset;
    return true;
  }

  // Job positions start at argument 1.
  bool job(napi_env env, Job *job) {
    return number(env, 1, &job->program) && number(env, 2, &job->words) && number(env, 3, &job->block) &&
           number(env, 4, &job->scalars) && number(env, 5, &job->workspace);
  }
};

napi_value numberValue(napi_env env, double value) {
  napi_value result = nullptr;
  succeeded(env, napi_create_double(env, value, &result));
  return result;
}

napi_value boolValue(napi_env env, bool value) {
  napi_value result = nullptr;
  succeeded(env, napi_get_boolean(env, value, &result));
  return result;
}

// The kernels of a supported instruction set.
FaiRun kernelsOf(const char *isa) {
#if defined(__aarch64__)
  (void)isa;
  return fai_run_neon;
#else
  return std::strcmp(isa, "avx512") == 0 ? fai_run_avx512 : fai_run_avx2;
#endif
}

// Ends the threads first: after that nothing calls the threadsafe function.
void closeContext(void *data) {
  Context *context = static_cast<Context *>(data);
  if (context->engine == nullptr) return;
  context->engine.reset();
  napi_release_threadsafe_function(context->completed, napi_tsfn_abort);
  context->completed = nullptr;
}

// supports(isa) -> boolean
napi_value supportsCall(napi_env env, napi_callback_info info) {
  size_t given = 1;
  napi_value value = nullptr;
  char isa[16] = "";
  if (!succeeded(env, napi_get_cb_info(env, info, &given, &value, nullptr, nullptr))) return nullptr;
  if (!succeeded(env, napi_get_value_string_utf8(env, value, isa, sizeof isa, nullptr))) return nullptr;
  return boolValue(env, processorRuns(isa));
}

// open(isa, threads, reserveBytes, completed) -> backend
napi_value openCall(napi_env env, napi_callback_info info) {
  size_t given = 4;
  napi_value values[4] = {};
  char isa[16] = "";
  uint32_t threads = 1;
  double reserve = 0;
  if (!succeeded(env, napi_get_cb_info(env, info, &given, values, nullptr, nullptr))) return nullptr;
  if (!succeeded(env, napi_get_value_string_utf8(env, values[0], isa, sizeof isa, nullptr))) return nullptr;
  if (!succeeded(env, napi_get_value_uint32(env, values[1], &threads))) return nullptr;
  if (!succeeded(env, napi_get_value_double(env, values[2], &reserve))) return nullptr;
  if (!processorRuns(isa)) {
    napi_throw_error(env, nullptr, "this processor lacks the instruction set");
    return nullptr;
  }

  auto context = std::make_unique<Context>();
  napi_value name = nullptr;
  napi_value external = nullptr;
  if (!succeeded(env, napi_create_string_utf8(env, "fai", NAPI_AUTO_LENGTH, &name))) return nullptr;
  if (!succeeded(env, napi_create_threadsafe_function(env, values[3], nullptr, name, 0, 1, nullptr, nullptr, nullptr, nullptr,
                                                      &context->completed))) {
    return nullptr;
  }
  napi_unref_threadsafe_function(env, context->completed);
  const napi_threadsafe_function completed = context->completed;
  try {
    context->engine = std::make_unique<Engine>(kernelsOf(isa), int(threads), size_t(reserve), [completed] {
      napi_call_threadsafe_function(completed, nullptr, napi_tsfn_nonblocking);
    });
  } catch (const std::exception &) {
    context->engine = nullptr;
  }
  if (context->engine == nullptr || context->engine->arena.base() == nullptr) {
    napi_release_threadsafe_function(context->completed, napi_tsfn_abort);
    napi_throw_error(env, nullptr, "the system gives no address space");
    return nullptr;
  }
  Context *const raw = context.release();
  const auto finalize = [](napi_env finalizeEnv, void *data, void *) {
    napi_remove_env_cleanup_hook(finalizeEnv, closeContext, data);
    closeContext(data);
    delete static_cast<Context *>(data);
  };
  if (!succeeded(env, napi_create_external(env, raw, finalize, nullptr, &external))) return nullptr;
  napi_add_env_cleanup_hook(env, closeContext, raw);
  return external;
}

// close(backend): waits for the running job and returns all memory.
napi_value closeCall(napi_env env, napi_callback_info info) {
  Arguments<1> arguments;
  if (arguments.open(env, info) == nullptr) return nullptr;
  napi_remove_env_cleanup_hook(env, closeContext, arguments.context);
  closeContext(arguments.context);
  return nullptr;
}

// capacity(backend) -> bytes of address space
napi_value capacityCall(napi_env env, napi_callback_info info) {
  Arguments<1> arguments;
  Engine *const engine = arguments.open(env, info);
  return engine == nullptr ? nullptr : numberValue(env, double(engine->arena.size()));
}

// commit(backend, lines) -> boolean
napi_value commitCall(napi_env env, napi_callback_info info) {
  Arguments<2> arguments;
  uint32_t lines = 0;
  Engine *const engine = arguments.open(env, info);
  if (engine == nullptr || !arguments.number(env, 1, &lines)) return nullptr;
  return boolValue(env, engine->arena.commit(size_t(lines) * 64));
}

// discard(backend, line, lines)
napi_value discardCall(napi_env env, napi_callback_info info) {
  Arguments<3> arguments;
  uint32_t line = 0;
  uint32_t lines = 0;
  Engine *const engine = arguments.open(env, info);
  if (engine == nullptr || !arguments.number(env, 1, &line) || !arguments.number(env, 2, &lines)) return nullptr;
  engine->arena.discard(size_t(line) * 64, size_t(lines) * 64);
  return nullptr;
}

template <bool toArena> napi_value copyCall(napi_env env, napi_callback_info info) {
  Arguments<3> arguments;
  uint32_t line = 0;
  void *data = nullptr;
  size_t size = 0;
  uint8_t *place = nullptr;
  Engine *const engine = arguments.open(env, info);
  if (engine == nullptr || !arguments.number(env, 1, &line)) return nullptr;
  if (!arguments.bytes(env, engine, 2, line, &data, &size, &place) || size == 0) return nullptr;
  if (toArena) std::memcpy(place, data, size);
  else std::memcpy(data, place, size);
  return nullptr;
}

// run(backend, program, words, block, scalars, workspace) -> fault
napi_value runCall(napi_env env, napi_callback_info info) {
  Arguments<6> arguments;
  Job job;
  Engine *const engine = arguments.open(env, info);
  if (engine == nullptr || !arguments.job(env, &job)) return nullptr;
  return numberValue(env, engine->run(job));
}

// enqueue(backend, program, words, block, scalars, workspace)
napi_value enqueueCall(napi_env env, napi_callback_info info) {
  Arguments<6> arguments;
  Job job;
  Engine *const engine = arguments.open(env, info);
  if (engine == nullptr || !arguments.job(env, &job)) return nullptr;
  try {
    engine->enqueue(job);
  } catch (const std::exception &error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

// completed(backend) -> how many queued jobs have finished, modulo 2^32
napi_value completedCall(napi_env env, napi_callback_info info) {
  Arguments<1> arguments;
  Engine *const engine = arguments.open(env, info);
  return engine == nullptr ? nullptr : numberValue(env, engine->completed());
}

// placeCode(code) -> its address, 0 when the system allows no new code
napi_value placeCodeCall(napi_env env, napi_callback_info info) {
  size_t given = 1, length = 0;
  napi_value value = nullptr;
  napi_typedarray_type type;
  void *data = nullptr;
  if (!succeeded(env, napi_get_cb_info(env, info, &given, &value, nullptr, nullptr))) return nullptr;
  if (!succeeded(env, napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr))) return nullptr;
  return numberValue(env, double(reinterpret_cast<uintptr_t>(length == 0 ? nullptr : placeCode(data, length))));
}

// freeCode(address, bytes)
napi_value freeCodeCall(napi_env env, napi_callback_info info) {
  size_t given = 2;
  napi_value values[2] = {};
  double address = 0, bytes = 0;
  if (!succeeded(env, napi_get_cb_info(env, info, &given, values, nullptr, nullptr))) return nullptr;
  if (!succeeded(env, napi_get_value_double(env, values[0], &address))) return nullptr;
  if (!succeeded(env, napi_get_value_double(env, values[1], &bytes))) return nullptr;
  freeCode(reinterpret_cast<void *>(uintptr_t(address)), size_t(bytes));
  return nullptr;
}

// hold(backend, busy): whether the backend keeps the process alive
napi_value holdCall(napi_env env, napi_callback_info info) {
  Arguments<2> arguments;
  bool busy = false;
  if (arguments.open(env, info) == nullptr) return nullptr;
  if (!succeeded(env, napi_get_value_bool(env, arguments.values[1], &busy))) return nullptr;
  const napi_threadsafe_function completed = arguments.context->completed;
  succeeded(env, busy ? napi_ref_threadsafe_function(env, completed) : napi_unref_threadsafe_function(env, completed));
  return nullptr;
}

void define(napi_env env, napi_value exports, const char *name, napi_callback call) {
  napi_value function = nullptr;
  if (!succeeded(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &function))) return;
  succeeded(env, napi_set_named_property(env, exports, name, function));
}

}  // namespace

extern "C" NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  define(env, exports, "supports", supportsCall);
  define(env, exports, "open", openCall);
  define(env, exports, "close", closeCall);
  define(env, exports, "capacity", capacityCall);
  define(env, exports, "commit", commitCall);
  define(env, exports, "discard", discardCall);
  define(env, exports, "write", copyCall<true>);
  define(env, exports, "read", copyCall<false>);
  define(env, exports, "run", runCall);
  define(env, exports, "enqueue", enqueueCall);
  define(env, exports, "completed", completedCall);
  define(env, exports, "hold", holdCall);
  define(env, exports, "placeCode", placeCodeCall);
  define(env, exports, "freeCode", freeCodeCall);
  return exports;
}
