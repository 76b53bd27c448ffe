// Several generations on one context: which of them compute what in the next step, until each comes to its end.
//
// A step is one decode of at most `step_tokens` tokens: the next token of everyone who writes, and beside them prompt chunks.
// A step that was aborted never happened: it is planned again without the request that was cancelled. Whoever is queued waits for
// an idle sequence, first come, first served.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>
#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "backend.hpp"
#include "errand.hpp"
#include "governor.hpp"
#include "mailbox.hpp"
#include "sequences.hpp"
#include "step.hpp"

namespace cyllama {

class Scheduler {
  public:
    // Borrows everything: `ended` is notified when a request has come to its end, and who sets `cancel_running` cancels all that
    // run then, and none that wait.
    Scheduler(Backend &backend, ThreadGovernor &governor, std::size_t max_queued, std::size_t stash_bytes,
              std::atomic<bool> &cancel_running, Notifier &ended)
        : backend_(backend), governor_(governor), cancel_running_(cancel_running), pool_(backend, stash_bytes),
          mailbox_(backend.n_sequences() + max_queued, ended) {
        backend_.set_abort(&should_abort, this);
    }

    // --- any thread ---

    Submitted submit(const std::vector<Request *> &requests) { return mailbox_.submit(requests); }
    std::size_t n_open() const noexcept { return mailbox_.n_open(); }
    bool send(Errand &errand) { return mailbox_.send(errand); }
    std::vector<Request *> take_ended() { return mailbox_.take_ended(); }

    // Lets `run` end everything that is open, and return. The running step is aborted by the requests' own cancel.
    void stop() {
        stopped_.store(true);
        mailbox_.stop();
    }

    // --- the scheduler's thread ---

    // Returns after `stop`; whatever it throws, nothing is open any more.
    void run() {
        try {
            warm_up();
            while (receive()) {
                sweep();
                admit();
                step_.plan(pool_.all(), backend_.step_tokens());
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
    static bool should_abort(void *data) {
        const auto *self = static_cast<const Scheduler *>(data);
        return self->choosing_ ? self->ends_all() : self->interrupted() || self->takes_too_long();
    }

    bool ends_all() const noexcept { return stopped_.load() || cancel_running_.load(); }

    // The governor has been told of a step that fewer threads would have been through with.
    bool takes_too_long() const noexcept { return give_up_at_ != Clock::time_point::max() && Clock::now() >= give_up_at_; }

    // A step without a prompt chunk is short, and not aborted for one of several.
    bool interrupted() const noexcept {
        return ends_all() ||
               ((step_.has_prefill || step_.running.size() == 1) &&
               std::any_of(step_.running.begin(), step_.running.end(),
                           [](const Sequence *sequence) { return sequence->request->interruption() != Reason::none; }));
    }

    // Takes in what came; false: it is time to stop.
    bool receive() {
        const bool has_work = !waiting_.empty() || pool_.n_busy() > 0;
        if (!mailbox_.receive(has_work, waiting_, errands_)) {
            return false;
        }
        for (Errand *errand : std::exchange(errands_, {})) {
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
                mailbox_.hand_back(*request);
                return true;
            }
            return false;
        };
        waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), is_over), waiting_.end());
    }

    void admit() {
        for (Sequence &sequence : pool_.all()) {
            sequence.awaited = false;
        }
        for (auto next = waiting_.begin(); next != waiting_.end() && !is_full();) {
            Request &request = **next;
            if (Sequence *const source = pool_.computing(request)) {
                source->awaited = true;
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

    void compute() {
        lost_.clear();
        const auto n_tokens = static_cast<int>(step_.tokens.size());
        const int fixed = step_.fixed_threads();
        const int n_threads = fixed > 0 ? fixed : governor_.choose(n_tokens);
        const Clock::time_point begin = Clock::now();
        give_up_at_ = fixed > 0 ? Clock::time_point::max() : after(begin, governor_.limit(n_tokens, n_threads));
        const Decoded decoded = backend_.decode(step_.tokens, n_threads, lost_);
        const std::chrono::duration<double> seconds = Clock::now() - begin;
        if (decoded == Decoded::done) {
            governor_.record(n_tokens, n_threads, seconds.count());
            take_in();
            return;
        }
        for (const SequenceId id : lost_) {
            SequencePool::forget(pool_.all()[static_cast<std::size_t>(id)]);
        }
        if (decoded == Decoded::failed) {
            fail(step_.running);
        } else if (decoded == Decoded::no_room) {
            make_room();
        } else if (takes_too_long()) {
            governor_.give_up(n_tokens, n_threads, seconds.count());
        } else if (!interrupted()) {
            cancel_running_.store(true);  // the person's own callback wanted it
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

    // The step is in memory: note it, and choose the next token of everyone whose logits it brought.
    void take_in() {
        pool_.append(step_.tokens);
        for (Sequence *sequence : step_.running) {
            Request &request = *sequence->request;
            request.advance(std::min(sequence->tokens.size(), request.n_given));
        }
        for (std::size_t index = 0; index < step_.tokens.size(); ++index) {
            if (step_.tokens[index].wants_logits) {
                write(pool_.all()[static_cast<std::size_t>(step_.tokens[index].sequence)], index);
            }
        }
    }

    void write(Sequence &sequence, std::size_t index) {
        Request &request = *sequence.request;
        if (request.phase() == Phase::prefill) {
            pool_.note_prompt(sequence);
            request.start_decoding();
        }
        if (request.stopped()) {  // by how the answer begins
            end(sequence, Reason::stop);
            return;
        }
        if (request.generated() >= request.limits.max_tokens) {  // none were wanted
            end(sequence, Reason::length);
            return;
        }
        Token token = 0;
        choosing_ = true;
        const bool is_chosen = backend_.sample(request, index, token);
        choosing_ = false;
        if (!is_chosen) {
            const Reason reason = interruption(request);
            reason == Reason::none ? fail({&sequence}) : end(sequence, reason);
        } else if (backend_.is_end(token)) {
            end(sequence, Reason::stop);
        } else {
            keep(sequence, token);
        }
    }

    // Why a request that runs has to end now, or `none`.
    Reason interruption(const Request &request) const noexcept {
        const Reason own = request.interruption();
        return own != Reason::none       ? own
               : cancel_running_.load()  ? Reason::cancelled
               : stopped_.load()         ? Reason::closed
                                         : Reason::none;
    }

    void keep(Sequence &sequence, Token token) {
        Request &request = *sequence.request;
        request.tokens.push_back(token);
        request.count_token(token, request.likely);
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
        const auto newest = std::max_element(step_.running.begin(), step_.running.end(), [](const Sequence *a, const Sequence *b) {
            return a->request->order < b->request->order;
        });
        if (step_.running.size() == 1) {
            fail(step_.running);
            return;
        }
        waiting_.push_front((*newest)->request);
        (*newest)->request = nullptr;
        pool_.put_away(**newest);
        n_fit_ = step_.running.size() - 1;
    }

    void end(Sequence &sequence, Reason reason, std::string_view error = {}) {
        Request &request = *sequence.request;
        const Reason interruption = request.interruption();  // it may have come since the last look
        sequence.request = nullptr;
        n_fit_ = 0;
        request.finish(interruption != Reason::none && reason != Reason::failed ? interruption : reason, error);
        mailbox_.hand_back(request);
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

    // After the stop: cancelled where the cancel that came with it reaches, else closed.
    void close() {
        mailbox_.receive(true, waiting_, errands_);  // nothing is added to it after the stop
        for (Sequence &sequence : pool_.all()) {
            if (sequence.request != nullptr) {
                end(sequence, Reason::closed);
            }
        }
        for (Request *request : waiting_) {
            const Reason reason = request->interruption();
            if (request->begun || request->claim()) {
                request->finish(reason != Reason::none ? reason : Reason::closed);
            }
            while (!request->done()) {
                std::this_thread::yield();  // somebody else ends it this moment
            }
            mailbox_.hand_back(*request);
        }
        waiting_.clear();
        for (Errand *errand : std::exchange(errands_, {})) {
            errand->finish();
        }
    }

    Backend &backend_;
    ThreadGovernor &governor_;
    std::atomic<bool> &cancel_running_;
    SequencePool pool_;
    Mailbox mailbox_;
    std::atomic<bool> stopped_{false};

    std::deque<Request *> waiting_;
    std::vector<Errand *> errands_;
    std::size_t n_fit_ = 0;  // how many requests fit the context at once, learnt when one did not; 0: not known
    Step step_;
    bool choosing_ = false;  // a token, which under a grammar can take long
    std::vector<SequenceId> lost_;
    Clock::time_point give_up_at_ = Clock::time_point::max();
};

}  // namespace cyllama
