// Something to do between two steps, on the scheduler's thread, for somebody who waits for it.
#pragma once

#include <atomic>
#include <exception>

#include "backend.hpp"
#include "notifier.hpp"
#include "sequences.hpp"

namespace cyllama {

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

}  // namespace cyllama
