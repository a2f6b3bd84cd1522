// A call into the core: the memory it runs in, who may make it, and on how many threads.
//
// Contract. One call at a time for each program, each in an `ExclusiveCall`, without the GIL.
#pragma once

#if defined(__linux__)
#include <sched.h>
#endif

#include <nanobind/nanobind.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core.hpp"
#include "threads.hpp"

namespace pellucid {

namespace nb = nanobind;

// Every call needs this many multiplications before a team pays for its wake-up and its meetings.
constexpr double work_for_a_call = 4e6;
// And every meeting of it this many, so that a step is not all waiting.
constexpr double work_for_a_piece = 6e6;

inline int usable_cores() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    const unsigned count = std::thread::hardware_concurrency();
    return count > 0 ? static_cast<int>(count) : 1;
}

// `asked` threads, or, where it is 0, as many as the work is worth; −n: at most n.
inline int choose_threads(int asked, double piece, double call) {
    if (asked > 0) return asked;
    if (piece < work_for_a_piece || call < work_for_a_call) return 1;
    return asked < 0 ? std::min(-std::max(asked, -most_threads), usable_cores()) : usable_cores();
}

// Whether a signal handler raised: KeyboardInterrupt ends the training in good order, another error is passed on.
inline bool interrupted() {
    const nb::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() == 0) return false;
    if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) PyErr_Clear();
    return true;
}

// The memory of one run: one allocation, zeroed by the system where it can be.
class Memory {
public:
    Memory() = default;
    ~Memory() { std::free(block_); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    template <typename T> void* lay_out(const Entries<T>& entries, const ProgramSpec& spec) {
        Arena arena{nullptr, 0, false};
        entries.lay_out(spec, arena);
        std::free(block_);
        block_ = nullptr;
        if (arena.too_large) throw std::bad_alloc();
        block_ = std::calloc(arena.used + 64, 1);
        if (!block_) throw std::bad_alloc();
        const auto address = reinterpret_cast<std::uintptr_t>(block_);
        arena = {reinterpret_cast<char*>((address + 63) / 64 * 64), 0, false};
        return entries.lay_out(spec, arena);
    }

private:
    void* block_ = nullptr;
};

// What the calls of a program share.
struct CallState {
    std::mutex lock;
    std::atomic<int> calls{0};                 // at work or waiting
    std::atomic<std::thread::id> at_work{{}};  // the thread that holds the lock
    unsigned forks = forks_so_far();           // when the last call came

    std::vector<std::unique_ptr<Memory>> prediction;  // a run for each thread: it has activations of its own
    std::vector<void*> prediction_runs;
    PyObject* loaded = nullptr;  // the parameters that are packed in the first of prediction_runs
    Memory training;
    void* training_run = nullptr;
    ProgramSpec training_spec{};

    ~CallState() { Py_XDECREF(loaded); }
};

// A call alone with its state, without the GIL. A signal handler that calls the program whose work it interrupts is
// refused, since it would wait for itself. A state that was forked in the middle of a call, whose thread does not exist
// in the child, is left as it is, and another one taken.
class ExclusiveCall {
public:
    explicit ExclusiveCall(std::unique_ptr<CallState>& state) : state_(enter(state)), guard_(state_.lock) {
        state_.at_work.store(std::this_thread::get_id(), std::memory_order_relaxed);
    }
    ~ExclusiveCall() {
        state_.at_work.store({}, std::memory_order_relaxed);
        state_.calls.fetch_sub(1, std::memory_order_relaxed);
    }
    ExclusiveCall(const ExclusiveCall&) = delete;
    ExclusiveCall& operator=(const ExclusiveCall&) = delete;

private:
    static CallState& enter(std::unique_ptr<CallState>& state) {
        if (state->forks != forks_so_far() && state->calls.load(std::memory_order_relaxed) != 0) {
            auto fresh = std::make_unique<CallState>();
            state.release();
            state = std::move(fresh);
        }
        if (state->at_work.load(std::memory_order_relaxed) == std::this_thread::get_id())
            throw std::runtime_error("the native engine is at work for this network, in the call that was interrupted "
                                     "by this one: ask again when it has ended");
        state->forks = forks_so_far();
        state->calls.fetch_add(1, std::memory_order_relaxed);
        return *state;
    }

    CallState& state_;
    const nb::gil_scoped_release release_;
    const std::lock_guard<std::mutex> guard_;
};

}  // namespace pellucid
