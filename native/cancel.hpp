// What a cancel is, in two atomic words. Everything here may be called from any thread and from a signal handler.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace cyllama {

// Hands out tickets and remembers the newest one that a cancel has hit.
class CancelScope {
  public:
    std::int64_t issue() noexcept { return issued_.fetch_add(1) + 1; }

    // Hits every ticket issued before this call and none issued after it.
    void cancel() noexcept {
        const std::int64_t newest = issued_.load();
        std::int64_t mark = cancelled_up_to_.load();
        while (mark < newest && !cancelled_up_to_.compare_exchange_weak(mark, newest)) {
        }
    }

    bool covers(std::int64_t ticket) const noexcept { return ticket <= cancelled_up_to_.load(); }

    // True from cancel() until the next ticket is issued.
    bool requested() const noexcept { return cancelled_up_to_.load() >= issued_.load(); }

  private:
    std::atomic<std::int64_t> issued_{0};
    std::atomic<std::int64_t> cancelled_up_to_{-1};  // below the 0 that "nothing issued yet" reads
};

// One call: its ticket, and a flag of its own.
class CancelToken {
  public:
    // Borrows `scope`, which must outlive the token.
    void bind(CancelScope *scope) noexcept {
        scope_ = scope;
        ticket_ = scope->issue();
    }
    void cancel() noexcept { own_.store(true); }
    bool cancelled() const noexcept { return own_.load() || (scope_ != nullptr && scope_->covers(ticket_)); }

  private:
    const CancelScope *scope_ = nullptr;
    std::int64_t ticket_ = 0;
    std::atomic<bool> own_{false};
};

// What ggml's abort callback reads: the context's own flag, and whether to ask the person's own callback as well.
class AbortState {
  public:
    std::atomic<bool> flag{false};
    std::atomic<bool> asks_callback{false};
    std::atomic<bool> callback_raised{false};
    void *context = nullptr;     // the LlamaContext that this is a part of
    bool checks_signals = false;  // the decode runs on the main thread, where Python waits to handle signals; for that thread alone

    bool requested() const noexcept { return flag.load(); }

    // Whether it is time again to let Python handle signals: taking the GIL after every graph node would be slow.
    bool signals_due() noexcept {
        const auto now = std::chrono::steady_clock::now();
        if (!checks_signals || now < next_check_) {
            return false;
        }
        next_check_ = now + std::chrono::milliseconds(20);
        return true;
    }

  private:
    std::chrono::steady_clock::time_point next_check_{};
};

// What llama.cpp's progress callback writes and reads while a model loads.
class LoadState {
  public:
    std::atomic<float> fraction{0.0f};
    std::atomic<bool> cancelled{false};
};

static_assert(std::atomic<std::int64_t>::is_always_lock_free, "cancel() must be safe in a signal handler");
static_assert(std::atomic<bool>::is_always_lock_free, "cancel() must be safe in a signal handler");

}  // namespace cyllama
