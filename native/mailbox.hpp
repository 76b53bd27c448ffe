// What passes between the scheduler's thread and all others: requests and errands in, requests that have ended out.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "errand.hpp"
#include "notifier.hpp"
#include "request.hpp"

namespace cyllama {

enum class Submitted { queued, busy, stopped };

class Mailbox {
  public:
    // capacity: how many requests may be open at once. Borrows `ended`, which is notified when a request has come to its end.
    Mailbox(std::size_t capacity, Notifier &ended) : capacity_(capacity), ended_notifier_(ended) { ended_.reserve(capacity_); }

    // --- any thread ---

    // Borrows requests until `take_ended` hands each back; none of them where there is no place for all. They are taken in
    // together, so that who shares a step with whom does not depend on when which thread runs.
    Submitted submit(const std::vector<Request *> &requests) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stopped_) {
            return Submitted::stopped;
        }
        if (n_open_ + requests.size() > capacity_) {
            return Submitted::busy;
        }
        incoming_.reserve(incoming_.size() + requests.size());  // nothing below throws
        for (Request *request : requests) {
            request->count_in(&n_open_);
            request->order = ++n_submitted_;
            incoming_.push_back(request);
        }
        wake_.notify_one();
        return Submitted::queued;
    }

    // How many requests have not come to their end.
    std::size_t n_open() const noexcept { return n_open_.load(); }

    // Borrows an errand until it is done; false after the stop.
    bool send(Errand &errand) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (stopped_) {
            return false;
        }
        errands_.push_back(&errand);
        wake_.notify_one();
        return true;
    }

    void stop() {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopped_ = true;
        wake_.notify_one();
    }

    // What has come to its end since the last call.
    std::vector<Request *> take_ended() {
        std::vector<Request *> taken;
        taken.reserve(capacity_);  // so that `hand_back` never throws
        const std::lock_guard<std::mutex> lock(mutex_);
        taken.swap(ended_);
        return taken;
    }

    // --- the scheduler's thread ---

    // Moves what came in to the end of `waiting` and to `errands`; sleeps first while nothing has come and nothing else is to do.
    // False: it is time to stop, and nothing comes any more.
    bool receive(bool has_work, std::deque<Request *> &waiting, std::vector<Errand *> &errands) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return stopped_ || has_work || !incoming_.empty() || !errands_.empty(); });
        waiting.insert(waiting.end(), incoming_.begin(), incoming_.end());
        incoming_.clear();
        errands.insert(errands.end(), errands_.begin(), errands_.end());
        errands_.clear();
        return !stopped_;
    }

    // A request has come to its end: its owner gets it back.
    void hand_back(Request &request) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            ended_.push_back(&request);
        }
        ended_notifier_.notify();
    }

  private:
    const std::size_t capacity_;
    Notifier &ended_notifier_;
    std::atomic<std::size_t> n_open_{0};  // grows behind the mutex alone

    // Behind the mutex.
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Request *> incoming_;
    std::vector<Errand *> errands_;
    std::vector<Request *> ended_;
    std::uint64_t n_submitted_ = 0;
    bool stopped_ = false;
};

}  // namespace cyllama
