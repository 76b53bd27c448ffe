// How many threads llama.cpp gets for each step, chosen by measurement.
//
// ggml's threads spin at a barrier after every graph node, so one that loses its core to another process stalls all of them: on two
// cores, two threads are the faster choice by 15 to 90 % while nobody else computes and the slower one by 20 to 70 % as soon as
// somebody does. So every now and then a few steps are tried with the neighbouring number, and the faster of the two is kept.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <vector>

namespace cyllama {

// Steps of different sizes are learnt apart, because they scale differently. Deterministic: it knows no clock, only what it is
// told. For one thread at a time.
class ThreadGovernor {
  public:
    // most: threads that may be used. first: with how many small steps begin; large ones begin with `most`, because they gain much
    // from every thread.
    ThreadGovernor(int most, int first) : most_(std::max(most, 1)), first_(std::clamp(first, 1, most_)) {
        candidates_ = {first_, std::max(most_ / 2, 1), std::max(most_ - 1, 1), most_};
        for (int count = 1; count < most_ / 2; count *= 2) {
            candidates_.push_back(count);
        }
        std::sort(candidates_.begin(), candidates_.end());
        candidates_.erase(std::unique(candidates_.begin(), candidates_.end()), candidates_.end());
        for (Bucket &bucket : buckets_) {
            bucket.last_cost.assign(candidates_.size() + 1, std::numeric_limits<double>::infinity());  // fixed numbers lie beyond them
        }
    }

    // Threads for the next step of n_tokens. Asked again before a record, it answers the same.
    int choose(int n_tokens) noexcept {
        const std::size_t width = width_of(n_tokens);
        Bucket &bucket = buckets_[width];
        if (bucket.cost == 0) {
            begin(bucket, width);
        }
        return candidates_[bucket.on_trial ? bucket.tried() : bucket.used];
    }

    // What that step took. A step that did not come to its end is not recorded.
    void record(int n_tokens, int threads, double seconds) noexcept {
        if (n_tokens < 1 || !(seconds > 1e-9 && seconds < 1e9)) {  // a clock that jumped would leave nothing to compare with
            return;
        }
        const std::size_t width = width_of(n_tokens);
        Bucket &bucket = buckets_[width];
        const Pace &pace = pace_of(width);
        const double cost = seconds / n_tokens;
        const bool woken = threads != last_threads_ && &pace == &small_;  // a thread that slept comes late to a short step
        last_threads_ = threads;
        bucket.last_cost[index_of(threads)] = cost;
        if (bucket.on_trial && threads == candidates_[bucket.tried()]) {
            judge(bucket, pace, cost / bucket.cost - 1, woken);
        } else if (!bucket.on_trial && threads == candidates_[bucket.used] && !woken) {
            follow(bucket, pace, cost);
        }
    }

    // Seconds after which a step is to be given up and done again with fewer threads: these would have been through by then.
    // Where every thread waits for its core at every node, a step of half a second takes ten and more.
    double limit(int n_tokens, int threads) const noexcept {
        double known = std::numeric_limits<double>::infinity();
        for (std::size_t fewer = 0; fewer < index_of(threads); ++fewer) {
            for (std::size_t width = 0; width <= width_of(n_tokens); ++width) {  // a token costs less in a larger step
                known = std::min(known, buckets_[width].last_cost[fewer]);
            }
        }
        return std::max(shortest_limit, patience_in_a_step * known * n_tokens);
    }

    // A step was given up after so many seconds. Half as many threads are next.
    void give_up(int n_tokens, int threads, double seconds) noexcept {
        const std::size_t width = width_of(n_tokens);
        Bucket &bucket = buckets_[width];
        const Pace &pace = pace_of(width);
        last_threads_ = threads;
        if (bucket.on_trial) {
            bucket.on_trial = false;
            bucket.fresh = 0;
            pay(bucket.sides[bucket.side], pace.most_patience[bucket.side], seconds / n_tokens / bucket.cost, 1);
            return;
        }
        bucket.used = index_of(threads) / 2;
        bucket.cost = seconds / n_tokens;  // at most; the next step tells
        bucket.fresh = 0;
        bucket.delay = 0;
        pay(bucket.sides[1], pace.most_patience[1], patience_in_a_step, 1);
    }

  private:
    static constexpr double shortest_limit = 0.02;      // seconds
    static constexpr double patience_in_a_step = 2.5;   // times what fewer threads take

    // How small and large steps differ: of the former there are hundreds a minute, a whole prompt may be four of the latter.
    struct Pace {
        double weight;       // of the newest step in the running mean
        double clip;         // times the mean that a step counts as in it, at most: single steps are outliers
        int fresh;           // steps that make a mean to compare a trial with
        int steps;           // of a trial
        double alarm;        // steps' worth of delay that mean a change of load
        double patience[2];       // down, up: see Side
        double most_patience[2];  // the same
    };
    // Two threads halve the time of a large step and one that fails costs a third of it: it is tried again after some five steps.
    static constexpr Pace small_{1.0 / 16, 3.0, 4, 6, 3.0, {32, 16}, {256, 32}};
    static constexpr Pace large_{0.3, 1.25, 2, 1, 2.0, {32, 8}, {256, 16}};
    static constexpr int large_step = 64;      // tokens
    static constexpr double gain = 0.04;       // that a trial must show, so that noise does not decide
    static constexpr double too_slow = 1.5;    // steps' worth of time that a trial may lose
    static constexpr double waking = 1.0;      // steps' worth of time that threads may take to wake up
    static constexpr double slack = 0.25;      // slowness that is no change of load: contexts grow, and with them every step
    static constexpr double most_delay = 1.5;  // that one step shows: one alone is an outlier
    // On an overloaded machine a trial costs 100 steps and more, and that is what it counts for; a laptop that slept is an outlier.
    static constexpr double most_loss = 64.0;

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
        std::vector<double> last_cost;  // by candidate: seconds a token, as of its last step
        bool on_trial = false;
        int side = 0;                 // of the trial: 0 down, 1 up
        int steps = 0;                // of it so far, without the one that woke the threads
        double lost = 0;              // in it so far, in steps' worth of time; below 0 it gained
        double paid = 0;              // the same with all of the step that woke the threads

        std::size_t tried() const noexcept { return side == 0 ? used - 1 : used + 1; }
    };

    static std::size_t width_of(int n_tokens) noexcept {
        std::size_t width = 0;
        for (; n_tokens > 0; n_tokens /= 2) {
            ++width;
        }
        return width;
    }

    static const Pace &pace_of(std::size_t width) noexcept { return width < width_of(large_step) ? small_ : large_; }

    // A size that was never seen begins as the nearest of its kind, else as told.
    void begin(Bucket &bucket, std::size_t width) noexcept {
        const Pace &pace = pace_of(width);
        for (std::size_t distance = 1; distance < buckets_.size(); ++distance) {
            for (const std::size_t other : {width - distance, width + distance}) {  // below 0 it wraps, and is out of range
                if (other < buckets_.size() && &pace_of(other) == &pace && buckets_[other].cost > 0) {
                    bucket.used = buckets_[other].used;
                    bucket.sides = buckets_[other].sides;
                    return;
                }
            }
        }
        bucket.used = index_of(&pace == &small_ ? first_ : most_);
        bucket.sides = {Side{0, pace.patience[0]}, Side{0, pace.patience[1]}};
    }

    std::size_t index_of(int threads) const noexcept {
        return std::lower_bound(candidates_.begin(), candidates_.end(), threads) - candidates_.begin();
    }

    // A step with the number in use: keeps the mean, sees a change of load, begins a trial that is due.
    void follow(Bucket &bucket, const Pace &pace, double cost) noexcept {
        if (bucket.cost == 0) {
            bucket.cost = cost;
        }
        const bool changed = late(bucket, pace, cost);
        // The first steps after a load wait for the disk: the lesser of two tells more.
        const bool unsure = bucket.fresh < 2 && cost < bucket.cost;
        bucket.cost += (unsure ? 1 : pace.weight) * (std::min(cost, pace.clip * bucket.cost) - bucket.cost);
        ++bucket.fresh;
        for (Side &side : bucket.sides) {
            side.wait -= 1;
        }
        if (changed) {
            bucket.delay = 0;
        }
        if (changed && bucket.used > 0) {  // fewer threads suffer less; with one there is nothing to try
            bucket.cost = bucket.late_cost / bucket.late;
            bucket.sides[0] = {0, pace.patience[0]};
            bucket.fresh = pace.fresh;
        }
        if (bucket.fresh >= pace.fresh) {
            begin_trial(bucket);
        }
    }

    // Whether steps have become slower for good: sums what they exceed the mean by (Page's CUSUM test).
    static bool late(Bucket &bucket, const Pace &pace, double cost) noexcept {
        if (bucket.delay <= 0) {
            bucket.delay = bucket.late_cost = 0;
            bucket.late = 0;
        }
        bucket.delay += std::min(cost / bucket.cost - 1 - slack, most_delay);
        bucket.late_cost += cost;
        ++bucket.late;
        return bucket.delay >= pace.alarm;
    }

    void begin_trial(Bucket &bucket) noexcept {
        const bool can[2] = {bucket.used > 0, bucket.used + 1 < candidates_.size()};
        bucket.side = can[0] && (!can[1] || bucket.sides[0].wait <= bucket.sides[1].wait) ? 0 : 1;
        bucket.on_trial = can[bucket.side] && bucket.sides[bucket.side].wait <= 0;
        bucket.steps = 0;
        bucket.lost = bucket.paid = 0;
    }

    // A step of a trial, which lost `lost` of the time that such a step took before. It ends early when it goes badly.
    void judge(Bucket &bucket, const Pace &pace, double lost, bool woken) noexcept {
        bucket.paid += lost;
        bucket.lost += woken ? std::max(lost - waking, 0.0) : lost;
        bucket.steps += woken ? 0 : 1;
        const bool hopeless = bucket.lost > too_slow || (bucket.steps >= 3 && bucket.lost > 0);
        if (bucket.steps < pace.steps && !hopeless) {
            return;
        }
        bucket.on_trial = false;
        bucket.fresh = 0;
        if (bucket.lost < -gain * bucket.steps) {
            adopt(bucket, pace);
        } else {
            pay(bucket.sides[bucket.side], pace.most_patience[bucket.side], std::max(bucket.lost, bucket.paid), bucket.steps);
        }
    }

    static void pay(Side &side, double most_patience, double lost, int steps) noexcept {
        side.wait = std::clamp(lost, 0.1 * steps, most_loss) * side.patience;
        side.patience = std::min(2 * side.patience, most_patience);
    }

    void adopt(Bucket &bucket, const Pace &pace) noexcept {
        const double ratio = std::max(1 + bucket.lost / bucket.steps, 0.01);
        const int back = 1 - bucket.side;
        bucket.used = bucket.tried();
        bucket.cost *= ratio;
        bucket.delay = 0;
        bucket.sides[bucket.side] = {0, pace.patience[bucket.side]};  // and what is beyond it?
        bucket.sides[back].patience = pace.patience[back];
        pay(bucket.sides[back], pace.most_patience[back], (1 / ratio - 1) * bucket.steps, bucket.steps);
        spread(bucket);
    }

    // The load is the same for all sizes: the others try the same soon.
    void spread(const Bucket &from) noexcept {
        for (Bucket &bucket : buckets_) {
            if (&bucket != &from) {
                bucket.sides[from.side].wait = 0;
            }
        }
    }

    int most_;
    int first_;
    std::vector<int> candidates_;       // ascending
    std::array<Bucket, 32> buckets_{};  // by the number of bits of n_tokens
    int last_threads_ = 0;
};

}  // namespace cyllama
