// The team of threads: one a process, woken once a call, parked in between.
//
// Contract. `run_in_team(threads, job, context)` calls job(context, team, part, parts) on `parts` threads at once, the
// caller being part 0, and returns when all are done. `parts` is at most `threads` and `most_threads`, and 1 when the
// team is at work for another caller or no thread can be had: a job must give the same result for any number. Within
// a job, `meet(team, part)` lets no part pass before all have come. `seconds_waiting(team)` is how many seconds part 0
// has spent in meetings that took so long that it fell asleep: where that is much, something else takes the team's
// cores.
//
// The team is never destroyed, so that the end of the process waits for nobody; after a fork the child makes itself
// a new one. Threads of the team take no signals.
#pragma once

namespace pellucid {

constexpr int most_threads = 64;

struct Team;
using Job = void (*)(void* context, Team* team, int part, int parts);

void run_in_team(int threads, Job job, void* context);

// How many forks lie between this process and the one that loaded this code.
unsigned forks_so_far();
void meet(Team* team, int part);
double seconds_waiting(const Team* team);

// Seconds, on a clock that never goes back.
double now();

// Numbers too small to be normal are zero from construction to destruction, on this thread.
class FlushDenormals {
public:
    FlushDenormals();
    ~FlushDenormals();
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;

private:
    unsigned long long saved_;
};

}  // namespace pellucid
