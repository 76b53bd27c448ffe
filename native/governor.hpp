// How many threads llama.cpp gets for each step, chosen by measurement.
//
// ggml's threads spin at a barrier after every graph node, so one that loses its core to another process stalls all of them: on two
// cores, two threads are the faster choice by 15 to 90 % while nobody else computes and the slower one by 20 to 70 % as soon as
// somebody does. So every now and then a few steps are tried with the neighbouring number, and the faster of the two is kept. What is
// heard of the machine's load tells when; where nothing is, the steps alone do.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <vector>

#include "bucket.hpp"

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

    // Tells how many cores others leave to us now. A load that came is believed until a trial says otherwise, because every step that is
    // computed against it costs a multiple; one that went is a reason to try at once.
    void hear(double free_cores) noexcept {
        if (!(free_cores >= 0 && free_cores < 1e6)) {
            return;
        }
        free_ = free_cores;
        for (std::size_t width = 0; width < buckets_.size(); ++width) {
            if (buckets_[width].cost > 0) {
                react(buckets_[width], pace_of(width));
            }
        }
    }

    // What was heard tells nothing of now.
    void forget() noexcept { free_ = -1; }

    // Threads for the next step of n_tokens. Asked again before a record, it answers the same.
    int choose(int n_tokens) noexcept {
        const std::size_t width = width_of(n_tokens);
        Bucket &bucket = buckets_[width];
        if (bucket.cost == 0) {
            begin(bucket, width);
        }
        return candidates_[bucket.on_trial ? bucket.tried : bucket.used];
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
        const bool woken = threads != last_threads_ && &pace == &small_pace;  // a thread that slept comes late to a short step
        last_threads_ = threads;
        bucket.last_cost[index_of(threads)] = cost;
        if (bucket.on_trial && threads == candidates_[bucket.tried]) {
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
            pay(bucket, pace, bucket.side, seconds / n_tokens / bucket.cost, 1);
            return;
        }
        bucket.used = index_of(threads) / 2;
        bucket.cost = seconds / n_tokens;  // at most; the next step tells
        bucket.fresh = 0;
        bucket.delay = 0;
        pay(bucket, pace, up, patience_in_a_step, 1);
    }

  private:
    static constexpr double shortest_limit = 0.02;      // seconds
    static constexpr double patience_in_a_step = 1.5;   // times what fewer threads take

    static constexpr int large_step = 64;      // tokens
    static constexpr double gain = 0.04;       // that a trial must show, so that noise does not decide
    static constexpr double too_slow = 1.5;    // steps' worth of time that a trial may lose
    static constexpr double waking = 1.0;      // steps' worth of time that threads may take to wake up
    // On an overloaded machine a trial costs 100 steps and more, and that is what it counts for; a laptop that slept is an outlier.
    static constexpr double most_loss = 64.0;
    static constexpr double least_load = 0.3;     // cores by which the load must differ to be another one; on many cores more
    static constexpr double load_by_core = 0.03;
    static constexpr double share_to_stay = 0.5;  // of its core that the last thread must find free
    static constexpr double share_to_come = 0.75;
    static constexpr double calm = 4.0;           // times the patience where a change of load would be heard of

    static std::size_t width_of(int n_tokens) noexcept {
        std::size_t width = 0;
        for (; n_tokens > 0; n_tokens /= 2) {
            ++width;
        }
        return width;
    }

    static const Pace &pace_of(std::size_t width) noexcept { return width < width_of(large_step) ? small_pace : large_pace; }

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
        bucket.used = std::min(index_of(&pace == &small_pace ? first_ : most_), fitting());
        bucket.sides = {Side{0, pace.patience[0]}, Side{0, pace.patience[1]}};
    }

    std::size_t index_of(int threads) const noexcept {
        return std::lower_bound(candidates_.begin(), candidates_.end(), threads) - candidates_.begin();
    }

    // The most threads that others leave cores to, as far as is known.
    std::size_t fitting() const noexcept {
        std::size_t index = candidates_.size() - 1;
        while (free_ >= 0 && index > 0 && candidates_[index] > free_ + share_to_stay) {
            --index;
        }
        return index;
    }

    bool has_room_for(std::size_t index) const noexcept { return candidates_[index] <= free_ + 1 - share_to_come; }

    void react(Bucket &bucket, const Pace &pace) noexcept {
        if (bucket.on_trial) {
            bucket.on_trial = !bucket.is_hearsay() || has_room_for(bucket.tried);
            return;
        }
        const double other_load = std::max(least_load, load_by_core * most_);
        const bool is_known = bucket.free_then >= 0;
        const bool came = !is_known || free_ < bucket.free_then - other_load;
        const bool went = !is_known || free_ > bucket.free_then + other_load;
        bucket.n_short = bucket.used > fitting() ? bucket.n_short + 1 : 0;
        if (came && bucket.n_short >= pace.looks) {
            retreat(bucket, pace);
        } else if (went && bucket.used + 1 < candidates_.size() && has_room_for(bucket.used + 1)) {
            const bool can_return = bucket.before > bucket.used && has_room_for(bucket.before);
            bucket.begin_trial(can_return ? bucket.before : bucket.used + 1, true);
        } else if (bucket.sides[down].wait <= 0 && has_room_for(bucket.used)) {
            bucket.sides[down].wait = pace.patience[down];  // there is no haste to try fewer
        }
    }

    void retreat(Bucket &bucket, const Pace &pace) noexcept {
        bucket.before = bucket.used;
        bucket.used = fitting();
        bucket.cost *= static_cast<double>(candidates_[bucket.before]) / candidates_[bucket.used];  // at most; the next step tells
        bucket.fresh = bucket.n_short = 0;
        bucket.delay = 0;
        bucket.sides[down] = {0, pace.patience[down]};
        bucket.sides[up] = {pace.patience[up], pace.patience[up]};
        bucket.free_then = free_;
    }

    // A step with the number in use: keeps the mean, sees a change of load, begins a trial that is due.
    void follow(Bucket &bucket, const Pace &pace, double cost) noexcept {
        if (bucket.cost == 0) {
            bucket.cost = cost;
        }
        const bool changed = bucket.is_late(pace, cost);
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
            bucket.sides[down] = {0, pace.patience[down]};
            bucket.fresh = pace.fresh;
        }
        if (bucket.fresh >= pace.fresh) {
            begin_trial(bucket);
        }
    }

    void begin_trial(Bucket &bucket) noexcept {
        const bool can[2] = {bucket.used > 0, bucket.used + 1 < candidates_.size()};
        const int side = can[down] && (!can[up] || bucket.sides[down].wait <= bucket.sides[up].wait) ? down : up;
        if (can[side] && bucket.sides[side].wait <= 0) {
            bucket.begin_trial(side == down ? bucket.used - 1 : bucket.used + 1, false);
        }
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
            pay(bucket, pace, bucket.side, std::max(bucket.lost, bucket.paid), bucket.steps);
        }
    }

    // What a trial on one side has lost, in steps' worth of time, is waited for before the next.
    void pay(Bucket &bucket, const Pace &pace, int side, double lost, int steps) noexcept {
        Side &paid = bucket.sides[side];
        paid.wait = std::clamp(lost, 0.1 * steps, most_loss) * paid.patience * (free_ < 0 ? 1 : calm);
        paid.patience = std::min(2 * paid.patience, pace.most_patience[side]);
        bucket.free_then = free_;
    }

    void adopt(Bucket &bucket, const Pace &pace) noexcept {
        const double ratio = std::max(1 + bucket.lost / bucket.steps, 0.01);
        const int back = 1 - bucket.side;
        bucket.used = bucket.tried;
        bucket.cost *= ratio;
        bucket.delay = 0;
        bucket.sides[bucket.side] = {0, pace.patience[bucket.side]};  // and what is beyond it?
        bucket.sides[back].patience = pace.patience[back];
        pay(bucket, pace, back, (1 / ratio - 1) * bucket.steps, bucket.steps);
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
    double free_ = -1;  // cores, as heard last; below 0: nothing was
};

}  // namespace cyllama
