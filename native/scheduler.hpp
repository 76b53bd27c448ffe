// Several generations on one context: which of them compute what in the next step, until each comes to its end.
//
// A step is one decode of at most `step_tokens` tokens: the next token of everyone who writes, and beside them prompt chunks.
// A step that was aborted never happened: it is planned again without the request that was cancelled. Whoever is queued waits for
// an idle sequence, first come, first served.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "backend.hpp"
#include "errand.hpp"
#include "governor.hpp"
#include "mailbox.hpp"
#include "paced_decoder.hpp"
#include "sequences.hpp"
#include "step.hpp"
#include "waiting.hpp"

namespace cyllama {

class Scheduler {
  public:
    // Borrows everything: `ended` is notified when a request has come to its end, and who sets `cancel_running` cancels all that
    // run then, and none that wait.
    Scheduler(Backend &backend, ThreadGovernor &governor, std::size_t max_queued, std::size_t stash_bytes,
              std::atomic<bool> &cancel_running, Notifier &ended)
        : backend_(backend), decoder_(backend, governor), cancel_running_(cancel_running), pool_(backend, stash_bytes),
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
            decoder_.warm_up();
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
    // Asked while a step is computed or a token is chosen whether to break it off. A token under a grammar can take long to choose:
    // who is interrupted beside it does not wait for that.
    static bool should_abort(void *data) {
        auto *self = static_cast<Scheduler *>(data);
        if (self->choosing_for_ == nullptr) {
            return self->interrupted() || self->decoder_.takes_too_long();
        }
        self->sweep_running(false);
        self->waiting_.sweep(self->mailbox_);
        return self->ends_all();
    }

    bool ends_all() const noexcept { return stopped_.load() || cancel_running_.load(); }

    // A step without a prompt chunk is short, and not aborted for one of several.
    bool interrupted() const noexcept {
        return ends_all() ||
               ((step_.has_prefill || step_.running.size() == 1) &&
               std::any_of(step_.running.begin(), step_.running.end(),
                           [](const Sequence *sequence) { return sequence->request->interruption() != Reason::none; }));
    }

    // Takes in what came; false: it is time to stop.
    bool receive() {
        const bool has_work = !waiting_.requests.empty() || pool_.n_busy() > 0;
        if (!mailbox_.receive(has_work, waiting_.requests, errands_)) {
            return false;
        }
        for (Errand *errand : std::exchange(errands_, {})) {
            errand->run_and_finish(pool_, backend_);
        }
        return true;
    }

    // Ends who has to end: running ones, and those in the queue wherever they stand in it.
    void sweep() {
        sweep_running(cancel_running_.exchange(false));
        waiting_.sweep(mailbox_);
    }

    // Not the one whose token is chosen this moment: who chooses it will see.
    void sweep_running(bool cancels_all) {
        for (Sequence &sequence : pool_.all()) {
            if (sequence.request != nullptr && &sequence != choosing_for_) {
                const Reason reason = cancels_all ? Reason::cancelled : sequence.request->interruption();
                if (reason != Reason::none) {
                    end(sequence, reason);
                }
            }
        }
    }

    void admit() {
        for (Sequence &sequence : pool_.all()) {
            sequence.awaited = false;
        }
        std::deque<Request *> &line = waiting_.requests;
        for (auto next = line.begin(); next != line.end() && !is_full();) {
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
            next = line.erase(next);  // now: where `take` throws, `close` finds it
        }
    }

    bool is_full() const noexcept { return pool_.all_busy() || (n_fit_ > 0 && pool_.n_busy() >= n_fit_); }

    void compute() {
        lost_.clear();
        const Decoded decoded = decoder_.decode(step_, lost_);
        if (decoded == Decoded::done) {
            take_in();
            return;
        }
        for (const SequenceId id : lost_) {
            SequencePool::forget(pool_.all()[static_cast<std::size_t>(id)]);
        }
        if (decoded == Decoded::failed || decoded == Decoded::raised) {
            fail(step_.running, decoded == Decoded::raised ? Reason::raised : Reason::failed);
        } else if (decoded == Decoded::no_room) {
            make_room();
        } else if (!decoder_.gave_up() && !interrupted()) {
            cancel_running_.store(true);  // the person's own callback wanted it
        }
    }

    // The step is in memory: note it, and choose the next token of everyone whose logits it brought.
    void take_in() {
        pool_.append(step_.tokens);
        for (Sequence *sequence : step_.running) {
            Request &request = *sequence->request;
            request.advance(std::min(sequence->tokens.size(), request.n_given));
        }
        for (std::size_t index = 0; index < step_.tokens.size(); ++index) {
            Sequence &sequence = pool_.all()[static_cast<std::size_t>(step_.tokens[index].sequence)];
            if (step_.tokens[index].wants_logits && sequence.request != nullptr) {  // else it has ended beside another's choice
                write(sequence, index);
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
        choosing_for_ = &sequence;
        const bool is_chosen = backend_.sample(request, index, token);
        choosing_for_ = nullptr;
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
        if (step_.running.size() == 1) {
            fail(step_.running);
            return;
        }
        Sequence &newest = *step_.running.back();  // they stand in the order in which they came
        waiting_.requests.push_front(newest.request);
        newest.request = nullptr;
        pool_.put_away(newest);
        n_fit_ = step_.running.size() - 1;
    }

    void end(Sequence &sequence, Reason reason, std::string_view error = {}) {
        Request &request = *sequence.request;
        const Reason interruption = request.interruption();  // it may have come since the last look
        request.finish(interruption != Reason::none && reason != Reason::failed ? interruption : reason, error);
        sequence.request = nullptr;  // now: where `finish` throws, it is still known
        n_fit_ = 0;
        mailbox_.hand_back(request);
    }

    // Nothing is known of their memory any more, nor of what it may have come from.
    void fail(const std::vector<Sequence *> &sequences, Reason reason = Reason::failed) {
        const std::string error = backend_.error();
        for (Sequence *sequence : sequences) {
            end(*sequence, reason, error);
            pool_.clear(*sequence);
        }
        pool_.stash().clear();
    }

    // After the stop.
    void close() {
        mailbox_.receive(true, waiting_.requests, errands_);  // nothing is added to it after the stop
        for (Sequence &sequence : pool_.all()) {
            if (sequence.request != nullptr) {
                end(sequence, Reason::closed);
            }
        }
        waiting_.close(mailbox_);
        for (Errand *errand : std::exchange(errands_, {})) {
            errand->finish();
        }
    }

    Backend &backend_;
    PacedDecoder decoder_;
    std::atomic<bool> &cancel_running_;
    SequencePool pool_;
    Mailbox mailbox_;
    std::atomic<bool> stopped_{false};

    Waiting waiting_;
    std::vector<Errand *> errands_;
    std::size_t n_fit_ = 0;  // how many requests fit the context at once, learnt when one did not; 0: not known
    Step step_;
    const Sequence *choosing_for_ = nullptr;  // whose next token is chosen this moment
    std::vector<SequenceId> lost_;
};

}  // namespace cyllama
