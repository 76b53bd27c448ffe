// Several generations on one context: which of them compute what in the next step, until each comes to its end.
//
// A step is one decode of at most `step_tokens` tokens: the next token of everyone who writes, and beside them prompt chunks.
// A step that was aborted never happened: it is planned again without the request that was cancelled. Whoever is queued waits for
// an idle sequence, first come, first served.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "backend.hpp"
#include "governor.hpp"
#include "sequences.hpp"

namespace cyllama {

class Scheduler;

// Something to do between two steps, on the scheduler's thread.
class Errand {
  public:
    virtual ~Errand() = default;

    // Borrows what is notified when it is done.
    void report_to(Notifier *waiter) noexcept { waiter_ = waiter; }
    bool done() const noexcept { return done_.load(std::memory_order_acquire); }
    // Of what is done: whether the scheduler came to it before it stopped; and throws what it threw.
    bool performed() const noexcept { return performed_; }
    void rethrow() const {
        if (error_) {
            std::rethrow_exception(error_);
        }
    }

    // The scheduler's: what one errand throws is for its sender, and ends nobody else's work.
    void run_and_finish(SequencePool &pool, Backend &backend) noexcept {
        performed_ = true;
        try {
            run(pool, backend);
        } catch (...) {
            error_ = std::current_exception();
        }
        finish();
    }
    void finish() noexcept {
        Notifier *const waiter = waiter_;
        done_.store(true, std::memory_order_release);  // from here on its owner may destroy it
        waiter->notify();
    }

  private:
    virtual void run(SequencePool &pool, Backend &backend) = 0;

    bool performed_ = false;
    Notifier *waiter_ = nullptr;
    std::exception_ptr error_;
    std::atomic<bool> done_{false};
};

enum class Submitted { queued, busy, stopped };

class Scheduler {
  public:
    // Borrows everything: `ended` is notified when a request has come to its end, and who sets `cancel_running` cancels all that
    // run then, and none that wait.
    Scheduler(Backend &backend, ThreadGovernor &governor, std::size_t max_queued, std::size_t stash_bytes,
              std::atomic<bool> &cancel_running, Notifier &ended)
        : backend_(backend), governor_(governor), cancel_running_(cancel_running), ended_notifier_(ended), pool_(backend, stash_bytes),
          capacity_(backend.n_sequences() + max_queued) {
        backend_.set_abort(&should_abort, this);
    }

    // --- any thread ---

    // Borrows a request until `take_ended` hands it back.
    Submitted submit(Request &request) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stopped_) {
            return Submitted::stopped;
        }
        if (n_open_ >= capacity_) {
            return Submitted::busy;
        }
        request.count_in(&n_open_);
        request.order = ++n_submitted_;
        incoming_.push_back(&request);
        wake_.notify_one();
        return Submitted::queued;
    }

    // Borrows an errand until it is done; false when the scheduler has stopped.
    bool send(Errand &errand) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stopped_) {
            return false;
        }
        errands_.push_back(&errand);
        wake_.notify_one();
        return true;
    }

    // Lets `run` end everything that is open, and return. The running step is aborted by the requests' own cancel.
    void stop() {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopped_ = true;
        wake_.notify_one();
    }

    // What has come to its end since the last call.
    std::vector<Request *> take_ended() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return std::exchange(ended_, {});
    }

    // --- the scheduler's thread ---

    // Returns after `stop`; whatever it throws, nothing is open any more.
    void run() {
        try {
            warm_up();
            while (receive()) {
                sweep();
                admit();
                plan();
                if (!step_.empty()) {
                    compute();
                }
            }
        } catch (...) {
            stop();
            close();
            throw;
        }
        close();
    }

  private:
    // With others in the step its prompt chunks are short, so that those who write do not wait long for their next token.
    static constexpr std::size_t mixed_step_tokens = 64;

    static bool should_abort(void *data) {
        const auto *self = static_cast<const Scheduler *>(data);
        return self->interrupted() || self->takes_too_long();
    }

    // The governor has been told of a step that fewer threads would have been through with.
    bool takes_too_long() const noexcept { return give_up_at_ != Clock::time_point::max() && Clock::now() >= give_up_at_; }

    // A step without a prompt chunk is short, and not aborted for one of several.
    bool interrupted() const noexcept {
        return cancel_running_.load() ||
               ((has_prefill_ || running_.size() == 1) &&
               std::any_of(running_.begin(), running_.end(),
                           [](const Sequence *sequence) { return sequence->request->interruption() != Reason::none; }));
    }

    // Takes in what was submitted, and sleeps while there is nothing to do. False: it is time to stop.
    bool receive() {
        std::vector<Errand *> errands;
        {
            std::unique_lock<std::mutex> lock(mutex_);
            const auto has_work = [this] {
                return stopped_ || !incoming_.empty() || !errands_.empty() || !waiting_.empty() || pool_.n_busy() > 0;
            };
            wake_.wait(lock, has_work);
            waiting_.insert(waiting_.end(), incoming_.begin(), incoming_.end());
            incoming_.clear();
            errands.swap(errands_);
            if (stopped_) {
                errands_ = std::move(errands);
                return false;
            }
        }
        for (Errand *errand : errands) {
            errand->run_and_finish(pool_, backend_);
        }
        return true;
    }

    // Ends who has to end: running ones, and those in the queue wherever they stand in it.
    void sweep() {
        const bool cancels_all = cancel_running_.exchange(false);
        for (Sequence &sequence : pool_.all()) {
            if (sequence.request != nullptr) {
                const Reason reason = cancels_all ? Reason::cancelled : sequence.request->interruption();
                if (reason != Reason::none) {
                    end(sequence, reason);
                }
            }
        }
        const auto is_over = [this](Request *request) {
            const Reason reason = request->interruption();
            if (request->begun && reason != Reason::none) {
                request->finish(reason);  // it had lost its place to others
            }
            if (request->settle() || request->done()) {
                hand_back(*request);
                return true;
            }
            return false;
        };
        waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), is_over), waiting_.end());
    }

    void admit() {
        for (auto next = waiting_.begin(); next != waiting_.end() && !is_full();) {
            Request &request = **next;
            if (pool_.is_being_computed(request.tokens)) {
                ++next;
                continue;
            }
            if (request.begun) {
                pool_.take(request);  // it goes on from where it was
            } else if (request.claim()) {
                request.begun = true;
                request.start(pool_.take(request).tokens.size());
            } else {
                ++next;  // somebody else ends it this moment; the next sweep finds it done
                continue;
            }
            next = waiting_.erase(next);  // now: where `take` throws, `close` finds it
        }
    }

    bool is_full() const noexcept {
        return pool_.all_busy() || (n_fit_ > 0 && pool_.n_busy() >= n_fit_);
    }

    // Who computes how many tokens in the next step.
    void plan() {
        step_.clear();
        running_.clear();
        std::size_t n_reading = 0;
        for (Sequence &sequence : pool_.all()) {
            if (sequence.request != nullptr) {
                running_.push_back(&sequence);
                n_reading += sequence.missing() > 1 ? 1 : 0;
            }
        }
        const std::size_t n_writing = running_.size() - n_reading;
        std::size_t left = backend_.step_tokens();
        if (n_writing > 0) {
            left = std::max(std::min(left, mixed_step_tokens), running_.size());
        }
        left -= n_writing;
        has_prefill_ = n_reading > 0;
        for (const Sequence *sequence : running_) {
            std::size_t share = 1;
            if (sequence->missing() > 1) {
                share = std::min(sequence->missing(), left / n_reading);
                left -= share;
                if (share > 2 && sequence->missing() - share == 1) {
                    --share;  // no token of a prompt is computed alone (see `reusable`)
                }
                --n_reading;
            }
            add(*sequence, share);
        }
    }

    void add(const Sequence &sequence, std::size_t count) {
        const std::vector<Token> &tokens = sequence.request->tokens;
        for (std::size_t index = sequence.tokens.size(), end = index + count; index < end; ++index) {
            const bool is_last = index + 1 == tokens.size();
            step_.push_back({tokens[index], static_cast<std::int32_t>(index), sequence.id, is_last});
        }
    }

    void compute() {
        lost_.clear();
        const auto n_tokens = static_cast<int>(step_.size());
        const int fixed = fixed_threads();
        const int n_threads = fixed > 0 ? fixed : governor_.choose(n_tokens);
        const Clock::time_point begin = Clock::now();
        give_up_at_ = fixed > 0 ? Clock::time_point::max() : after(begin, governor_.limit(n_tokens, n_threads));
        const Decoded decoded = backend_.decode(step_, n_threads, lost_);
        const std::chrono::duration<double> seconds = Clock::now() - begin;
        if (decoded == Decoded::done) {
            governor_.record(n_tokens, n_threads, seconds.count());
            take_in();
            return;
        }
        for (const SequenceId id : lost_) {
            pool_.all()[static_cast<std::size_t>(id)].tokens.clear();
        }
        if (decoded == Decoded::failed) {
            fail(running_);
        } else if (decoded == Decoded::no_room) {
            make_room();
        } else if (takes_too_long()) {
            governor_.give_up(n_tokens, n_threads, seconds.count());
        }
    }

    static Clock::time_point after(Clock::time_point begin, double seconds) noexcept {
        constexpr double longest = 1e6;
        return seconds < longest ? begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))
                                 : Clock::time_point::max();
    }

    // One token on one thread, before the first request: it fetches the model's pages, and tells the governor what a step may take.
    void warm_up() {
        const Clock::time_point begin = Clock::now();
        if (backend_.decode({{0, 0, 0, true}}, 1, lost_) == Decoded::done) {
            const std::chrono::duration<double> seconds = Clock::now() - begin;
            governor_.record(1, 1, seconds.count());
        }
        backend_.truncate(0, 0);
    }

    // The least number that any request in the step was given; 0 where all leave it to the governor.
    int fixed_threads() const noexcept {
        int fixed = 0;
        for (const Sequence *sequence : running_) {
            const Limits &limits = sequence->request->limits;
            const int wanted = has_prefill_ ? limits.n_threads_batch : limits.n_threads;
            fixed = wanted > 0 && (fixed == 0 || wanted < fixed) ? wanted : fixed;
        }
        return fixed;
    }

    // The step is in memory: note it, and choose the next token of everyone whose logits it brought.
    void take_in() {
        for (const StepToken &computed : step_) {
            pool_.all()[static_cast<std::size_t>(computed.sequence)].tokens.push_back(computed.token);
        }
        for (Sequence *sequence : running_) {
            Request &request = *sequence->request;
            request.advance(std::min(sequence->tokens.size(), request.n_prompt));
        }
        for (std::size_t index = 0; index < step_.size(); ++index) {
            if (step_[index].wants_logits) {
                write(pool_.all()[static_cast<std::size_t>(step_[index].sequence)], index);
            }
        }
    }

    void write(Sequence &sequence, std::size_t index) {
        Request &request = *sequence.request;
        if (request.phase() == Phase::prefill) {
            pool_.note_prompt(sequence);
            request.start_decoding();
        }
        if (request.generated() >= request.limits.max_tokens) {  // none were wanted
            end(sequence, Reason::length);
            return;
        }
        Token token = 0;
        if (!backend_.sample(request.sampler, index, token)) {
            fail({&sequence});
        } else if (backend_.is_end(token)) {
            end(sequence, Reason::stop);
        } else {
            keep(sequence, token);
        }
    }

    void keep(Sequence &sequence, Token token) {
        Request &request = *sequence.request;
        request.tokens.push_back(token);
        request.count_token();
        request.push(backend_.piece(token));
        if (request.stopped()) {
            end(sequence, Reason::stop);
        } else if (request.generated() >= request.limits.max_tokens || sequence.tokens.size() >= backend_.n_ctx()) {
            end(sequence, Reason::length);
        }
    }

    // What others left behind goes first; then the newest of those who run waits until another has ended.
    void make_room() {
        if (pool_.put_away_idle()) {
            return;
        }
        const auto newest = std::max_element(running_.begin(), running_.end(), [](const Sequence *a, const Sequence *b) {
            return a->request->order < b->request->order;
        });
        if (running_.size() == 1) {
            fail(running_);
            return;
        }
        waiting_.push_front((*newest)->request);
        (*newest)->request = nullptr;
        pool_.put_away(**newest);
        n_fit_ = running_.size() - 1;
    }

    void end(Sequence &sequence, Reason reason, std::string_view error = {}) {
        Request &request = *sequence.request;
        const Reason interruption = request.interruption();  // it may have come since the last look
        sequence.request = nullptr;
        n_fit_ = 0;
        request.finish(interruption != Reason::none && reason != Reason::failed ? interruption : reason, error);
        hand_back(request);
    }

    // Nothing is known of their memory any more, nor of what it may have come from.
    void fail(const std::vector<Sequence *> &sequences) {
        const std::string error = backend_.error();
        for (Sequence *sequence : sequences) {
            end(*sequence, Reason::failed, error);
            pool_.clear(*sequence);
        }
        pool_.stash().clear();
    }

    void hand_back(Request &request) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            ended_.push_back(&request);
        }
        ended_notifier_.notify();
    }

    // After the stop: cancelled where the cancel that came with it reaches, else closed.
    void close() {
        running_.clear();
        for (Sequence &sequence : pool_.all()) {
            if (sequence.request != nullptr) {
                end(sequence, Reason::closed);
            }
        }
        waiting_.insert(waiting_.end(), incoming_.begin(), incoming_.end());  // nobody adds to it after the stop
        incoming_.clear();
        for (Request *request : waiting_) {
            const Reason reason = request->interruption();
            if (request->begun || request->claim()) {
                request->finish(reason != Reason::none ? reason : Reason::closed);
            }
            while (!request->done()) {
                std::this_thread::yield();  // somebody else ends it this moment
            }
            hand_back(*request);
        }
        waiting_.clear();
        for (Errand *errand : std::exchange(errands_, {})) {
            errand->finish();
        }
    }

    Backend &backend_;
    ThreadGovernor &governor_;
    std::atomic<bool> &cancel_running_;
    Notifier &ended_notifier_;
    SequencePool pool_;
    const std::size_t capacity_;

    // Behind the mutex.
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Request *> incoming_;
    std::vector<Errand *> errands_;
    std::vector<Request *> ended_;
    std::atomic<std::size_t> n_open_{0};  // grows behind the mutex alone
    std::uint64_t n_submitted_ = 0;
    bool stopped_ = false;

    // The scheduler's thread's.
    std::deque<Request *> waiting_;
    std::size_t n_fit_ = 0;  // how many requests fit the context at once, learnt when one did not; 0: not known
    std::vector<Sequence *> running_;
    std::vector<StepToken> step_;
    std::vector<SequenceId> lost_;
    bool has_prefill_ = false;
    Clock::time_point give_up_at_ = Clock::time_point::max();
};

}  // namespace cyllama
