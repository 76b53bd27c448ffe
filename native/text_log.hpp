// The text of one generation on its way from the loop to Python: one thread appends, one reads, neither waits for the other.
//
// It grows instead of going round as a ring does: a ring that nobody drains, because the interpreter is busy elsewhere, has to
// lose text or stop the generation. What was read is freed.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

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

    // The writer's: one piece of text.
    void append(std::string_view text) {
        const auto length = static_cast<Length>(text.size());
        char prefix[sizeof length];
        std::memcpy(prefix, &length, sizeof length);
        put({prefix, sizeof length});
        put(text);
        // With it the bytes are published, and `next` of a chunk that is full.
        written_.store(written_.load(std::memory_order_relaxed) + sizeof length + text.size(), std::memory_order_release);
    }

    // The reader's: appends to `pieces` what has come since the last call.
    void read(std::vector<std::string> &pieces) {
        const std::size_t end = written_.load(std::memory_order_acquire);
        while (read_ < end) {
            Length length = 0;
            get(reinterpret_cast<char *>(&length), sizeof length);
            pieces.emplace_back(length, '\0');
            get(pieces.back().data(), length);
        }
    }

  private:
    using Length = std::uint32_t;

    void put(std::string_view text) {
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
    }

    void get(char *out, std::size_t length) {
        read_ += length;
        while (length > 0) {
            if (taken_ == Chunk::capacity) {
                Chunk *const next = first_->next;
                delete first_;
                first_ = next;
                taken_ = 0;
            }
            const std::size_t part = std::min(length, Chunk::capacity - taken_);
            std::memcpy(out, first_->bytes + taken_, part);
            taken_ += part;
            out += part;
            length -= part;
        }
    }

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
