// One generation, as the scheduler works on it and as other threads see it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cancel.hpp"
#include "likelihood.hpp"
#include "notifier.hpp"
#include "text.hpp"
#include "text_log.hpp"

namespace cyllama {

using Token = std::int32_t;
using Clock = std::chrono::steady_clock;

enum class Phase : int { queued, prefill, decode, done };
enum class Reason : int { none, stop, length, cancelled, timeout, failed, closed, raised };

struct Limits {
    std::size_t max_tokens = 0;
    int n_threads = 0;        // for decoding; 0 lets the governor choose
    int n_threads_batch = 0;  // for prefill; the same
    double timeout = 0.0;     // seconds from the call; 0 is none
    double age = 0.0;         // seconds since the call
    int n_likely = -1;        // how many alternatives to each token are told with their probabilities; below 0 no probability is
};

// Written by one thread at a time: by whoever wins `claim` until the phase is `done`. Anybody may read what is atomic, and the
// rest once the phase is `done`; one thread at a time reads the text.
class Request {
  public:
    // Borrows everything behind a pointer, until it is destroyed.
    // n_begun: how many of the tokens, the last ones, are the beginning of the answer.
    Request(std::vector<Token> given, const Limits &limits, std::vector<std::string> stops, const CancelToken *token,
            void *sampler, Notifier *progressed, Notifier *finished, std::size_t n_begun = 0)
        : tokens(std::move(given)), n_given(tokens.size()), n_prompt(n_given - n_begun), limits(limits), sampler(sampler),
          token_(token), filter_(std::move(stops)), progressed_(progressed), finished_(finished), created_(Clock::now() - seconds(limits.age)),
          deadline_(limits.timeout > 0.0 ? created_ + seconds(limits.timeout) : Clock::time_point::max()) {}

    // What anybody may ask.
    Phase phase() const noexcept { return phase_.load(); }
    bool done() const noexcept { return phase() == Phase::done; }
    std::size_t prompt_read() const noexcept { return prompt_read_.load(std::memory_order_relaxed); }
    std::size_t generated() const noexcept { return generated_.load(std::memory_order_relaxed); }
    std::size_t reused() const noexcept { return reused_.load(std::memory_order_relaxed); }

    // Why it has to end now, or `none`. Polled after every graph node.
    Reason interruption() const noexcept {
        if (token_->cancelled()) {
            return Reason::cancelled;
        }
        return deadline_ != Clock::time_point::max() && Clock::now() >= deadline_ ? Reason::timeout : Reason::none;
    }

    // Borrows a count of those that have not come to their end, which it is part of until then.
    void count_in(std::atomic<std::size_t> *n_open) noexcept {
        n_open->fetch_add(1);
        n_open_.store(n_open);
        if (done()) {
            count_out();
        }
    }

    // Takes the right to write; true for one caller alone.
    bool claim() noexcept {
        Phase expected = Phase::queued;
        return phase_.compare_exchange_strong(expected, Phase::prefill);
    }

    // Ends it where it stands when it has to end and nobody has begun it. The scheduler finds it done when it comes to it.
    bool settle() {
        if (phase() != Phase::queued || interruption() == Reason::none || !claim()) {
            return false;
        }
        finish(interruption());
        return true;
    }

    // The rest is the writer's.
    void start(std::size_t n_reused) noexcept {
        started_ = Clock::now();
        reused_.store(n_reused, std::memory_order_relaxed);
        advance(n_reused);
    }

    // So many tokens of the prompt are in memory.
    void advance(std::size_t n_read) noexcept { prompt_read_.store(n_read, std::memory_order_relaxed); }

    void start_decoding() noexcept {
        prefilled_ = Clock::now();
        phase_.store(Phase::decode, std::memory_order_release);
    }

    // One token more is generated.
    void count_token(Token token, const std::vector<Likelihood> &likely) {
        generated_.fetch_add(1, std::memory_order_relaxed);
        generated_log.append(packed(token, likely));
    }

    // The bytes of one token, of the answer's beginning too; what they make readable is published.
    void push(std::string_view piece) {
        std::string text;
        filter_.push(piece, text);
        publish(text);
    }

    bool stopped() const noexcept { return filter_.stopped(); }

    // Borrows one more that is notified whenever `progressed` is, from now on; any thread may call it.
    void report_to(Notifier *listener) noexcept { listener_.store(listener, std::memory_order_release); }

    void finish(Reason reason, std::string_view error = {}) {
        std::string rest;
        filter_.flush(rest);
        publish(rest);
        reason_ = reason;
        error_ = error;
        ended_ = Clock::now();
        count_out();  // before the end is seen: who sees it may ask again
        phase_.store(Phase::done);
        count_out();  // and after it, should it have been counted in meanwhile
        tell_of_progress();
        finished_->notify();
    }

    // Of what is done.
    Reason reason() const noexcept { return reason_; }
    const std::string &error() const noexcept { return error_; }
    double total_seconds() const noexcept { return between(created_, ended_); }
    double prompt_seconds() const noexcept { return between(started_, prefilled_ == unset ? ended_ : prefilled_); }
    double decode_seconds() const noexcept { return between(prefilled_, ended_); }

    TextLog text;
    TextLog generated_log;              // a packed record for each token
    std::vector<Token> tokens;          // the scheduler's: the prompt, the beginning of the answer, then what was generated
    std::vector<Likelihood> likely;     // the scheduler's: of the token that was chosen last, where they are wanted
    const std::size_t n_given;          // tokens of the prompt and of the answer's beginning
    const std::size_t n_prompt;
    const Limits limits;
    void *const sampler;  // the backend's
    bool begun = false;       // the scheduler's: it had a sequence, now or before
    std::uint64_t order = 0;  // the scheduler's: the smaller, the earlier it was submitted

  private:
    static constexpr Clock::time_point unset{};

    static Clock::duration seconds(double value) noexcept {
        constexpr double longest = 1e9;  // some thirty years; what is longer would overflow
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value < longest ? value : longest));
    }
    static double between(Clock::time_point from, Clock::time_point to) noexcept {
        return from == unset ? 0.0 : std::chrono::duration<double>(to - from).count();
    }

    void count_out() noexcept {
        if (std::atomic<std::size_t> *const n_open = n_open_.exchange(nullptr)) {
            n_open->fetch_sub(1);
        }
    }

    void publish(std::string_view readable) {
        if (!readable.empty()) {
            text.append(readable);
            tell_of_progress();
        }
    }

    void tell_of_progress() noexcept {
        progressed_->notify();
        if (Notifier *const listener = listener_.load(std::memory_order_acquire); listener != nullptr) {
            listener->notify();
        }
    }

    const CancelToken *const token_;
    TextFilter filter_;
    Notifier *const progressed_;
    Notifier *const finished_;
    std::atomic<Notifier *> listener_{nullptr};
    const Clock::time_point created_;
    const Clock::time_point deadline_;
    Clock::time_point started_ = unset;
    Clock::time_point prefilled_ = unset;
    Clock::time_point ended_ = unset;
    std::atomic<std::atomic<std::size_t> *> n_open_{nullptr};
    std::atomic<Phase> phase_{Phase::queued};
    std::atomic<std::size_t> prompt_read_{0};
    std::atomic<std::size_t> generated_{0};
    std::atomic<std::size_t> reused_{0};
    Reason reason_ = Reason::none;
    std::string error_;
};

}  // namespace cyllama
