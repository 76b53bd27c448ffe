// A scheduler at work with its threads, and the calls that several clients have made of it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "fake_backend.hpp"
#include "scheduler.hpp"
#include "state.hpp"

namespace cyllama {

// An auto-reset event without a timeout: a notification that gets lost is a hang, and the watchdog tells.
class Event final : public Notifier {
  public:
    void notify() noexcept override {
        const std::lock_guard<std::mutex> lock(mutex_);
        notified_ = true;
        changed_.notify_all();
    }
    void wait() {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return notified_; });
        notified_ = false;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool notified_ = false;
};

// One request, and what was done to it.
struct Call {
    Call(std::vector<Token> prompt_, const Limits &limits_, std::vector<std::string> stops_, Salt salt)
        : prompt(std::move(prompt_)), stops(std::move(stops_)), sampler{salt},
          request(prompt, limits_, stops, &token, &sampler, &progressed, &finished) {}

    const std::vector<Token> prompt;
    const std::vector<std::string> stops;
    FakeSampler sampler;
    CancelToken token;
    Event progressed, finished, handed_back;
    Request request;
    std::string text;  // the reading thread's
    std::size_t n_scope_cancels_before = 0;
    std::atomic<bool> was_cancelled{false};  // by itself; set before the cancel
    std::atomic<int> n_handed_back{0};
};

// What a round may do to its calls; counted before it is done.
struct Disturbances {
    std::atomic<std::size_t> scope_cancels_begun{0};
    std::atomic<std::size_t> scope_cancels_done{0};
    std::atomic<bool> running_cancelled{false};
    std::atomic<bool> stopped{false};
};

class World {
  public:
    World(const FakeShape &shape, std::size_t max_queued, std::size_t stash_bytes, std::uint64_t seed)
        : shape_(shape), backend_(shape, seed), governor_(2, 1),
          scheduler_(backend_, governor_, max_queued, stash_bytes, cancel_running_, ended_), loop_([this] { loop(); }),
          reporter_([this] { report(); }) {}

    // Ends what is open.
    ~World() {
        stop();
        loop_.join();
        is_over_ = true;
        ended_.notify();
        reporter_.join();
        require(open_.empty(), "a request was never handed back");
    }

    Submitted submit(const std::vector<std::shared_ptr<Call>> &calls) {
        std::vector<Request *> requests;
        for (const auto &call : calls) {
            call->n_scope_cancels_before = disturbances_.scope_cancels_done;
            call->token.bind(&scope_);
            requests.push_back(&call->request);
            const std::lock_guard<std::mutex> lock(mutex_);
            open_.emplace(&call->request, call);
        }
        const Submitted answer = scheduler_.submit(requests);
        if (answer != Submitted::queued) {
            const std::lock_guard<std::mutex> lock(mutex_);
            for (const auto &call : calls) {
                require(open_.erase(&call->request) == 1, "a request was taken in that was refused with others");
            }
        }
        return answer;
    }

    std::size_t n_open() const noexcept { return scheduler_.n_open(); }

    // Any open call, or null.
    std::shared_ptr<Call> pick(std::size_t number) {
        const std::lock_guard<std::mutex> lock(mutex_);
        return open_.empty() ? nullptr : std::next(open_.begin(), static_cast<std::ptrdiff_t>(number % open_.size()))->second;
    }

    void cancel(Call &call) {
        call.was_cancelled = true;
        call.token.cancel();
        call.request.settle();
    }

    void cancel_all() {
        ++disturbances_.scope_cancels_begun;
        scope_.cancel();
        ++disturbances_.scope_cancels_done;
    }

    void cancel_running() {
        disturbances_.running_cancelled = true;
        cancel_running_ = true;
    }

    void stop() {
        disturbances_.stopped = true;
        scheduler_.stop();
    }

    // Waits until it is done; false where the scheduler has stopped. One thread alone sends.
    bool send(Errand &errand) {
        errand.report_to(&errand_done_);
        if (!scheduler_.send(errand)) {
            return false;
        }
        while (!errand.done()) {
            errand_done_.wait();
        }
        try {
            errand.rethrow();
        } catch (const std::bad_alloc &) {
            require(shape_.breakdowns > 0.0, "an errand threw");
        }
        return true;
    }

    // Of a call that was handed back: it ended once, for a reason that there was, with the text that belongs to it.
    void check(Call &call) {
        const Request &request = call.request;
        require(call.n_handed_back == 1, "a request was handed back twice");
        const Answer whole = reference(call.prompt, call.sampler.salt, request.limits, call.stops, shape_.n_cells);
        if (request.reason() == Reason::stop || request.reason() == Reason::length) {
            require(request.reason() == whole.reason, "an answer ended for another reason than an undisturbed one");
            require(call.text == whole.text, "an answer is not that of an undisturbed run");
            require(request.generated() == whole.generated, "an answer has more or fewer tokens than it should");
            return;
        }
        require(may_end(call), "an answer ended for a reason that there was not");
        const Answer raw = reference(call.prompt, call.sampler.salt, request.limits, {}, shape_.n_cells);  // a stop's beginning may show
        require(raw.text.compare(0, call.text.size(), call.text) == 0, "the text so far is not the beginning of the answer");
    }

  private:
    bool may_end(const Call &call) const {
        switch (call.request.reason()) {
        case Reason::cancelled:
            return call.was_cancelled || disturbances_.running_cancelled ||
                   disturbances_.scope_cancels_begun > call.n_scope_cancels_before;
        case Reason::timeout:
            return call.request.limits.timeout > 0.0;
        case Reason::failed:
            return shape_.failures > 0.0;
        case Reason::closed:
            return disturbances_.stopped || shape_.breakdowns > 0.0;
        default:
            return false;
        }
    }

    void loop() {
        try {
            scheduler_.run();
        } catch (const std::bad_alloc &) {
            require(shape_.breakdowns > 0.0, "the scheduler threw");
        }
    }

    void report() {
        while (!is_over_) {
            ended_.wait();
            for (Request *request : scheduler_.take_ended()) {
                hand_back(*request);
            }
        }
    }

    void hand_back(Request &request) {
        std::shared_ptr<Call> call;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            const auto found = open_.find(&request);
            require(found != open_.end(), "a request was handed back that is not open");
            call = std::move(found->second);
            open_.erase(found);
        }
        require(request.done(), "a request was handed back that is not done");
        ++call->n_handed_back;
        call->handed_back.notify();
    }

    const FakeShape shape_;
    Disturbances disturbances_;
    CancelScope scope_;
    std::atomic<bool> cancel_running_{false};
    std::atomic<bool> is_over_{false};
    Event ended_, errand_done_;
    std::mutex mutex_;
    std::map<Request *, std::shared_ptr<Call>> open_;  // as the Python side keeps what the scheduler borrows
    FakeBackend backend_;
    ThreadGovernor governor_;
    Scheduler scheduler_;
    std::thread loop_, reporter_;
};

}  // namespace cyllama
