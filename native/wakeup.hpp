// An auto-reset event that native code may set without the GIL and that a signal interrupts: CPython's own lock.
#pragma once

#include <atomic>
#include <new>

#include <Python.h>
#include <pythread.h>

#include "notifier.hpp"

namespace cyllama {

class Wakeup final : public Notifier {
  public:
    Wakeup() : lock_(PyThread_allocate_lock()) {
        if (lock_ == nullptr) {
            throw std::bad_alloc();
        }
        PyThread_acquire_lock(lock_, NOWAIT_LOCK);
    }
    Wakeup(const Wakeup &) = delete;
    Wakeup &operator=(const Wakeup &) = delete;
    ~Wakeup() override {
        if (!notified_.load()) {
            PyThread_release_lock(lock_);  // CPython frees locks that are open
        }
        PyThread_free_lock(lock_);
    }

    // Lets one waiter go on, now or when it comes; several calls before that count as one.
    void notify() noexcept override {
        if (!notified_.exchange(true)) {
            PyThread_release_lock(lock_);
        }
    }

    // Without the GIL. PY_LOCK_INTR: a signal came.
    PyLockStatus wait(long long microseconds) noexcept {
        const PyLockStatus status = PyThread_acquire_lock_timed(lock_, microseconds, 1);
        if (status == PY_LOCK_ACQUIRED) {
            notified_.exchange(false);  // and sees what was written before a notification that came just now
        }
        return status;
    }

  private:
    PyThread_type_lock lock_;
    std::atomic<bool> notified_{false};
};

}  // namespace cyllama
