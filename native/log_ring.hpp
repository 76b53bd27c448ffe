// A bounded multi-producer ring of log lines. llama.cpp logs from inside an abort and at interpreter exit, where taking the GIL
// would delay the cancel or deadlock: producers only copy bytes here, and Python drains them later.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace cyllama {

class LogRing {
  public:
    static constexpr std::size_t capacity = 1024;     // lines; a power of two
    static constexpr std::size_t line_bytes = 512;    // longer lines are cut

    LogRing() noexcept {
        for (std::size_t i = 0; i < capacity; ++i) {
            slots_[i].sequence.store(i, std::memory_order_relaxed);
        }
    }

    // Copies one line in; when the ring is full the line is counted as dropped instead. Never blocks.
    void push(int level, const char *text) noexcept {
        std::size_t position = tail_.load(std::memory_order_relaxed);
        for (;;) {
            Slot &slot = slots_[position & (capacity - 1)];
            const std::size_t sequence = slot.sequence.load(std::memory_order_acquire);
            const auto lag = static_cast<std::intptr_t>(sequence) - static_cast<std::intptr_t>(position);
            if (lag < 0) {
                dropped_.fetch_add(1, std::memory_order_relaxed);
                return;
            }
            if (lag == 0 && tail_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) {
                slot.level = level;
                slot.length = strnlen(text, line_bytes);
                std::memcpy(slot.text, text, slot.length);
                slot.sequence.store(position + 1, std::memory_order_release);
                return;
            }
            if (lag > 0) {
                position = tail_.load(std::memory_order_relaxed);
            }
        }
    }

    // Copies the oldest line into `text` (at least line_bytes long) and returns its length, or -1 when there is none.
    // One consumer at a time: the caller holds the GIL.
    std::ptrdiff_t pop(int *level, char *text) noexcept {
        Slot &slot = slots_[head_ & (capacity - 1)];
        if (slot.sequence.load(std::memory_order_acquire) != head_ + 1) {
            return -1;
        }
        *level = slot.level;
        const std::size_t length = slot.length;
        std::memcpy(text, slot.text, length);
        slot.sequence.store(head_ + capacity, std::memory_order_release);
        ++head_;
        return static_cast<std::ptrdiff_t>(length);
    }

    std::size_t take_dropped() noexcept { return dropped_.exchange(0); }

  private:
    struct Slot {
        std::atomic<std::size_t> sequence;
        int level;
        std::size_t length;
        char text[line_bytes];
    };

    Slot slots_[capacity];
    std::atomic<std::size_t> tail_{0};
    std::atomic<std::size_t> dropped_{0};
    std::size_t head_ = 0;
};

}  // namespace cyllama
