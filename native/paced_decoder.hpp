// Decodes each step with the number of threads that the governor has measured to be the best.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "backend.hpp"
#include "governor.hpp"
#include "load_meter.hpp"
#include "step.hpp"

namespace cyllama {

class PacedDecoder {
  public:
    // Borrows both.
    PacedDecoder(Backend &backend, ThreadGovernor &governor) : backend_(backend), governor_(governor) {}

    // As Backend::decode.
    Decoded decode(const Step &step, std::vector<SequenceId> &lost) {
        listen();
        const auto n_tokens = static_cast<int>(step.tokens.size());
        const int fixed = step.fixed_threads();
        const int n_threads = fixed > 0 ? fixed : governor_.choose(n_tokens);
        const Clock::time_point begin = Clock::now();
        give_up_at_ = fixed > 0 ? never : after(begin, governor_.limit(n_tokens, n_threads));
        const Decoded decoded = backend_.decode(step.tokens, n_threads, lost);
        last_end_ = Clock::now();
        gave_up_ = decoded == Decoded::aborted && takes_too_long();
        if (decoded == Decoded::done) {
            governor_.record(n_tokens, n_threads, seconds_since(begin));
        } else if (gave_up_) {
            governor_.give_up(n_tokens, n_threads, seconds_since(begin));
        }
        return decoded;
    }

    // Whether the running step is to be aborted: fewer threads would have been through with it. Polled after every graph node.
    bool takes_too_long() const noexcept { return give_up_at_ != never && Clock::now() >= give_up_at_; }

    // Whether that is why the last step was aborted: fewer threads are next.
    bool gave_up() const noexcept { return gave_up_; }

    // One token on one thread, before the first request: it fetches the model's pages, and tells the governor what a step may take.
    void warm_up() {
        std::vector<SequenceId> lost;
        const Clock::time_point begin = Clock::now();
        if (backend_.decode({{0, 0, 0, true}}, 1, lost) == Decoded::done) {
            governor_.record(1, 1, seconds_since(begin));
        }
        backend_.truncate(0, 0);
    }

  private:
    static constexpr Clock::time_point never = Clock::time_point::max();
    static constexpr std::chrono::milliseconds rest{500};

    // Lets the governor hear of the machine's load since the steps right before; what it was before a rest says nothing.
    void listen() {
        if (Clock::now() - last_end_ > rest) {
            meter_.restart();
            governor_.forget();
        } else if (const std::optional<double> free = meter_.look()) {
            *free == LoadMeter::unknown ? governor_.forget() : governor_.hear(*free);
        }
    }

    static double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

    static Clock::time_point after(Clock::time_point begin, double seconds) noexcept {
        constexpr double longest = 1e6;
        return seconds < longest ? begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)) : never;
    }

    Backend &backend_;
    ThreadGovernor &governor_;
    LoadMeter meter_;
    Clock::time_point last_end_{};  // of a step
    Clock::time_point give_up_at_ = never;
    bool gave_up_ = false;
};

}  // namespace cyllama
