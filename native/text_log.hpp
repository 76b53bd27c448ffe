// The text of one generation on its way from the loop to Python: one thread appends, one reads, neither waits for the other.
//
// It grows instead of going round as a ring does: a ring that nobody drains, because the interpreter is busy elsewhere, has to
// lose text or stop the generation. What was read is freed.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace cyllama {

class TextLog {
  public:
    TextLog() : first_(new Chunk), last_(first_) {}
    TextLog(const TextLog &) = delete;
    TextLog &operator=(const TextLog &) = delete;
    ~TextLog() {
        while (first_ != nullptr) {
            Chunk *const next = first_->next;
            delete first_;
            first_ = next;
        }
    }

    // The writer's.
    void append(std::string_view text) {
        const std::size_t end = written_.load(std::memory_order_relaxed) + text.size();
        while (!text.empty()) {
            if (filled_ == Chunk::capacity) {
                last_->next = new Chunk;
                last_ = last_->next;
                filled_ = 0;
            }
            const std::size_t part = std::min(text.size(), Chunk::capacity - filled_);
            std::memcpy(last_->bytes + filled_, text.data(), part);
            filled_ += part;
            text.remove_prefix(part);
        }
        written_.store(end, std::memory_order_release);  // with it the bytes, and `next` of a chunk that is full
    }

    // The reader's: appends to `out` what has come since the last call.
    void read(std::string &out) {
        const std::size_t end = written_.load(std::memory_order_acquire);
        out.reserve(out.size() + (end - read_));
        while (read_ < end) {
            if (taken_ == Chunk::capacity) {
                Chunk *const next = first_->next;
                delete first_;
                first_ = next;
                taken_ = 0;
            }
            const std::size_t part = std::min(end - read_, Chunk::capacity - taken_);
            out.append(first_->bytes + taken_, part);
            taken_ += part;
            read_ += part;
        }
    }

  private:
    struct Chunk {
        static constexpr std::size_t capacity = 4080;
        char bytes[capacity];
        Chunk *next = nullptr;  // written before the bytes in it are published
    };

    std::atomic<std::size_t> written_{0};
    Chunk *first_;  // the reader's
    std::size_t taken_ = 0;
    std::size_t read_ = 0;
    Chunk *last_;  // the writer's
    std::size_t filled_ = 0;
};

}  // namespace cyllama
