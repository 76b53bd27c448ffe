// What lies in the memory of each sequence, and which of them a new request begins from: the prefix that it shares with one of
// them is not computed again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "backend.hpp"

namespace cyllama {

struct Sequence {
    SequenceId id;
    std::vector<Token> tokens;    // those in memory
    Request *request = nullptr;   // what is generated in it now, or null
    std::uint64_t last_used = 0;  // grows; 0 where it was never used

    // Tokens that its request has and memory lacks.
    std::size_t missing() const noexcept { return request->tokens.size() - tokens.size(); }
};

inline std::size_t common_prefix(const std::vector<Token> &a, const std::vector<Token> &b, std::size_t most) noexcept {
    const std::size_t length = std::min({a.size(), b.size(), most});
    return static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + length, b.begin()).first - a.begin());
}

class SequencePool {
  public:
    explicit SequencePool(Backend &backend) : backend_(backend) {
        for (std::size_t id = 0; id < backend.n_sequences(); ++id) {
            all_.push_back({static_cast<SequenceId>(id), {}});
        }
    }

    std::vector<Sequence> &all() noexcept { return all_; }
    std::size_t n_busy() const noexcept {
        return static_cast<std::size_t>(std::count_if(all_.begin(), all_.end(), is_busy));
    }
    bool all_busy() const noexcept { return n_busy() == all_.size(); }

    // Whether a running request is about to compute a longer part of these tokens than lies in memory now.
    bool is_being_computed(const std::vector<Token> &tokens) const noexcept {
        std::size_t now = 0;
        std::size_t soon = 0;
        for (const Sequence &sequence : all_) {
            now = std::max(now, reusable(sequence.tokens, tokens));
            if (sequence.request != nullptr) {
                soon = std::max(soon, reusable(sequence.request->tokens, tokens));
            }
        }
        return soon >= now + worth_waiting;
    }

    // Gives a request an idle sequence, which there must be, with as much of its prompt in memory as any has.
    Sequence &take(Request &request) {
        Sequence &source = *std::max_element(all_.begin(), all_.end(), [&](const Sequence &a, const Sequence &b) {
            return reusable(a.tokens, request.tokens) < reusable(b.tokens, request.tokens);
        });
        const std::size_t shared = reusable(source.tokens, request.tokens);
        Sequence &target = target_for(source, shared);
        if (&target != &source) {
            clear(target);
            if (shared > 0) {
                backend_.copy(source.id, target.id, shared);
                target.tokens.assign(request.tokens.begin(), request.tokens.begin() + static_cast<std::ptrdiff_t>(shared));
            }
        } else if (shared < target.tokens.size()) {
            target.tokens.resize(backend_.truncate(target.id, shared));
        }
        target.request = &request;
        target.last_used = ++clock_;
        return target;
    }

    void release(Sequence &sequence) noexcept {
        sequence.request = nullptr;
        sequence.last_used = ++clock_;
    }

    void clear(Sequence &sequence) {
        if (!sequence.tokens.empty()) {
            backend_.truncate(sequence.id, 0);
            sequence.tokens.clear();
        }
        sequence.last_used = 0;
    }

    // The idle sequence, of which there must be one, that was not used for longest, or never.
    Sequence &least_used() noexcept {
        return *std::min_element(all_.begin(), all_.end(), [](const Sequence &a, const Sequence &b) {
            return std::make_pair(is_busy(a), a.last_used) < std::make_pair(is_busy(b), b.last_used);
        });
    }

    // The idle sequence with something in memory that was not used for longest, or null.
    Sequence *stalest() noexcept {
        Sequence *found = nullptr;
        for (Sequence &sequence : all_) {
            const bool candidate = !is_busy(sequence) && !sequence.tokens.empty();
            if (candidate && (found == nullptr || sequence.last_used < found->last_used)) {
                found = &sequence;
            }
        }
        return found;
    }

  private:
    static constexpr std::size_t worth_waiting = 32;  // tokens

    static bool is_busy(const Sequence &sequence) noexcept { return sequence.request != nullptr; }

    // The last token of a prompt is always computed: its logits are wanted.
    static std::size_t reusable(const std::vector<Token> &held, const std::vector<Token> &tokens) noexcept {
        return common_prefix(held, tokens, tokens.size() - 1);
    }

    // The source itself where the request goes on from its end; else the idle sequence that was not used for longest, so that
    // what the source holds beyond the shared part stays for those who come back to it.
    Sequence &target_for(Sequence &source, std::size_t shared) noexcept {
        return !is_busy(source) && shared > 0 && shared == source.tokens.size() ? source : least_used();
    }

    Backend &backend_;
    std::vector<Sequence> all_;
    std::uint64_t clock_ = 0;
};

}  // namespace cyllama
