// A bounded multi-producer ring of log lines. llama.cpp logs from inside an abort and at interpreter exit, where taking the GIL
// would delay the cancel or deadlock: producers only copy bytes here, and Python drains them later.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace cyllama {

class LogRing {
  public:
    static constexpr std::size_t capacity = 1024;      // parts of lines; a power of two
    static constexpr std::size_t part_bytes = 512;
    static constexpr std::size_t most_bytes = 65'536;  // longer lines are cut
    static constexpr int continuation = 5;             // GGML_LOG_LEVEL_CONT

    LogRing() noexcept {
        for (std::size_t i = 0; i < capacity; ++i) {
            slots_[i].sequence.store(i, std::memory_order_relaxed);
        }
    }

    // Copies one line in, a long one in parts that follow each other; when the ring has no room for all of it, it is counted as dropped
    // instead. Never blocks.
    void push(int level, const char *text) noexcept {
        const std::size_t length = strnlen(text, most_bytes);
        const std::size_t n_parts = std::max<std::size_t>(1, (length + part_bytes - 1) / part_bytes);
        std::size_t position = 0;
        if (!claim(n_parts, position)) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        for (std::size_t part = n_parts; part-- > 0;) {  // the first one last: who sees it finds the others
            Slot &slot = slots_[(position + part) & (capacity - 1)];
            slot.level = part == 0 ? level : continuation;
            slot.length = std::min(part_bytes, length - part * part_bytes);
            std::memcpy(slot.text, text + part * part_bytes, slot.length);
            slot.sequence.store(position + part + 1, std::memory_order_release);
        }
    }

    // Copies the oldest part into `text` (at least part_bytes long) and returns its length, or -1 when there is none.
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
        char text[part_bytes];
    };

    // Takes so many slots in a row from `position` on; false where they are not all free. They are freed in order, so where the last
    // one is free, all are.
    bool claim(std::size_t count, std::size_t &position) noexcept {
        position = tail_.load(std::memory_order_relaxed);
        for (;;) {
            const std::size_t last = position + count - 1;
            const std::size_t sequence = slots_[last & (capacity - 1)].sequence.load(std::memory_order_acquire);
            const auto lag = static_cast<std::intptr_t>(sequence - last);
            if (lag < 0) {
                return false;
            }
            if (lag == 0 && tail_.compare_exchange_weak(position, position + count, std::memory_order_relaxed)) {
                return true;
            }
            if (lag > 0) {
                position = tail_.load(std::memory_order_relaxed);
            }
        }
    }

    Slot slots_[capacity];
    std::atomic<std::size_t> tail_{0};
    std::atomic<std::size_t> dropped_{0};
    std::size_t head_ = 0;
};

}  // namespace cyllama
