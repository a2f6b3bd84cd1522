#include "threads.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <new>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#define PELLUCID_POSIX 1
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace pellucid {

namespace {

constexpr int spins = 4000;  // some 40 µs: longer than any wait between two instructions of an undisturbed team

void pause() {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Waits until `value` is no longer `old`: first awake, then asleep. Returns the seconds it was asleep.
double wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
    for (int spin = 0; spin < spins; ++spin) {
        if (value.load(std::memory_order_acquire) != old) return 0.0;
        pause();
    }
    const double began = now();
    while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
    return now() - began;
}

}  // namespace

struct Team {
    std::mutex busy;
    int workers = 0;
    Job job = nullptr;
    void* context = nullptr;
    int parts = 1;
    alignas(64) std::atomic<std::uint32_t> call{0};
    alignas(64) std::atomic<int> working{0};
    std::atomic<std::uint32_t> all_done{0};
    alignas(64) std::atomic<int> arrived{0};
    alignas(64) std::atomic<std::uint32_t> phase{0};
    double seconds_waiting = 0.0;  // of part 0
};

namespace {

std::atomic<Team*> the_team{nullptr};
std::atomic<unsigned> forks{0};

// A forked child has no threads but the one that forked: it starts with another team, and what it inherited is left as
// it is, since a lock in it may be held by a thread that no longer exists.
#if defined(PELLUCID_POSIX)
[[maybe_unused]] const int watching_forks = pthread_atfork(nullptr, nullptr, [] {
    the_team.store(nullptr, std::memory_order_release);
    forks.fetch_add(1, std::memory_order_relaxed);
});
#endif

void work(Team* team, int part, std::uint32_t seen) {
    for (;;) {
        wait_for_change(team->call, seen);
        seen = team->call.load(std::memory_order_acquire);
        if (part < team->parts) team->job(team->context, team, part, team->parts);
        if (team->working.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            team->all_done.fetch_add(1, std::memory_order_release);
            team->all_done.notify_one();
        }
    }
}

// The team, made at the first call.
Team* find_team() {
    Team* team = the_team.load(std::memory_order_acquire);
    if (team) return team;
    Team* fresh = new (std::nothrow) Team;
    if (!fresh) return nullptr;
    if (!the_team.compare_exchange_strong(team, fresh)) {
        delete fresh;
        return team;
    }
    return fresh;
}

// Makes workers until there are `count`, or as many as can be had. Called with the team's lock.
void hire(Team* team, int count) {
#if defined(PELLUCID_POSIX)
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
    const std::uint32_t seen = team->call.load(std::memory_order_relaxed);
    try {
        while (team->workers < count) {
            std::thread(work, team, team->workers + 1, seen).detach();
            ++team->workers;
        }
    } catch (...) {  // no more threads: the team stays as large as it is
    }
#if defined(PELLUCID_POSIX)
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
}

}  // namespace

void run_in_team(int threads, Job job, void* context) {
    Team* team = threads > 1 ? find_team() : nullptr;
    if (!team || !team->busy.try_lock()) {
        job(context, nullptr, 0, 1);
        return;
    }
    if (threads > most_threads) threads = most_threads;
    if (team->workers < threads - 1) hire(team, threads - 1);
    team->job = job;
    team->context = context;
    team->parts = threads <= team->workers + 1 ? threads : team->workers + 1;
    team->working.store(team->workers, std::memory_order_relaxed);
    const std::uint32_t done = team->all_done.load(std::memory_order_relaxed);
    if (team->workers > 0) {
        team->call.fetch_add(1, std::memory_order_release);
        team->call.notify_all();
    }
    job(context, team, 0, team->parts);
    if (team->workers > 0) wait_for_change(team->all_done, done);
    team->busy.unlock();
}

void meet(Team* team, int part) {
    if (!team || team->parts == 1) return;
    const std::uint32_t phase = team->phase.load(std::memory_order_relaxed);
    if (team->arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == team->parts) {
        team->arrived.store(0, std::memory_order_relaxed);
        team->phase.store(phase + 1, std::memory_order_release);
        team->phase.notify_all();
    } else {
        const double seconds = wait_for_change(team->phase, phase);
        if (part == 0) team->seconds_waiting += seconds;
    }
}

unsigned forks_so_far() { return forks.load(std::memory_order_relaxed); }

double seconds_waiting(const Team* team) { return team ? team->seconds_waiting : 0.0; }

double now() {
    using namespace std::chrono;
    return duration<double>(steady_clock::now().time_since_epoch()).count();
}

#if defined(__x86_64__)
FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) {
    _mm_setcsr(static_cast<unsigned>(saved_) | 0x8040u);  // results, and operands
}
FlushDenormals::~FlushDenormals() { _mm_setcsr(static_cast<unsigned>(saved_)); }
#elif defined(__aarch64__)
FlushDenormals::FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | 1ull << 24));
}
FlushDenormals::~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }
#else
FlushDenormals::FlushDenormals() : saved_(0) {}
FlushDenormals::~FlushDenormals() = default;
#endif

}  // namespace pellucid
