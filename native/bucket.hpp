// What the thread governor knows of steps of about one size.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace cyllama {

inline constexpr int down = 0, up = 1;  // with fewer threads, with more

// How small and large steps differ: of the former there are hundreds a minute, a whole prompt may be four of the latter.
struct Pace {
    double weight;       // of the newest step in the running mean
    double clip;         // times the mean that a step counts as in it, at most: single steps are outliers
    int fresh;           // steps that make a mean to compare a trial with
    int steps;           // of a trial
    double alarm;        // steps' worth of delay that mean a change of load
    int looks;           // in a row that must find too few cores before they are believed
    double patience[2];       // down, up: see Side
    double most_patience[2];  // the same
};
// Two threads halve the time of a large step and one that fails costs a third of it: it is tried again after some five steps.
inline constexpr Pace small_pace{1.0 / 16, 3.0, 4, 6, 3.0, 2, {32, 16}, {256, 32}};
inline constexpr Pace large_pace{0.3, 1.25, 2, 1, 2.0, 1, {32, 8}, {256, 16}};

// A trial is paid for: one that lost the time of n steps is not repeated before n * patience steps, and each failure doubles the
// patience. It may grow more with trials of fewer threads, since a load that comes is seen without one; a load that goes is not.
struct Side {
    double wait = 0;  // steps until a trial is due
    double patience = 0;
};

struct Bucket {
    std::size_t used = 0;         // index of the candidate in use
    double cost = 0;              // its seconds a token, a running mean; 0 before the first step
    int fresh = 0;                // steps since the last trial
    std::array<Side, 2> sides{};  // down, up
    double delay = 0;             // steps' worth of time lost since steps became slower than the mean; 0 or less: they did not
    double late_cost = 0;         // sum of the costs since then
    int late = 0;                 // number of steps since then
    double free_then = -1;        // cores that were free at the last decision; below 0: not known
    int n_short = 0;              // looks in a row that found fewer than are used
    std::size_t before = 0;       // what was used before the last load came
    std::vector<double> last_cost;  // by candidate: seconds a token, as of its last step
    bool on_trial = false;
    bool heard = false;           // why it is
    std::size_t tried = 0;        // index of the candidate on trial
    int side = down;              // where it lies
    int steps = 0;                // of it so far, without the one that woke the threads
    double lost = 0;              // in it so far, in steps' worth of time; below 0 it gained
    double paid = 0;              // the same with all of the step that woke the threads

    // by_ear: because of what was heard of the load.
    void begin_trial(std::size_t candidate, bool by_ear) noexcept {
        on_trial = true;
        heard = by_ear;
        tried = candidate;
        side = candidate < used ? down : up;
        steps = 0;
        lost = paid = 0;
    }

    // Of a trial: whether what was heard began it, and no step of it was computed yet.
    bool is_hearsay() const noexcept { return heard && steps == 0 && paid == 0; }

    // Whether steps have become slower for good: sums what they exceed the mean by (Page's CUSUM test).
    bool is_late(const Pace &pace, double newest) noexcept {
        if (delay <= 0) {
            delay = late_cost = 0;
            late = 0;
        }
        delay += std::min(newest / cost - 1 - slack, most_delay);
        late_cost += newest;
        ++late;
        return delay >= pace.alarm;
    }

  private:
    static constexpr double slack = 0.25;      // slowness that is no change of load: contexts grow, and with them every step
    static constexpr double most_delay = 1.5;  // that one step shows: one alone is an outlier
};

}  // namespace cyllama
