// What sequences held, in plain memory outside the context: a prompt that begins as one of them is not computed again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <list>
#include <utility>
#include <vector>

#include "request.hpp"

namespace cyllama {

// How many of a request's tokens need not be computed where `held` lies in memory. The last one always is, for its logits, and no
// token of the prompt alone: llama.cpp multiplies single tokens by other code, which gives other last bits than the prompt's
// first run. The answer's tokens are computed one at a time whenever they are, for the same reason.
// whole_only: all of `held` or nothing.
inline std::size_t reusable(const std::vector<Token> &held, const Request &request, bool whole_only) noexcept {
    const std::vector<Token> &tokens = request.tokens;
    const auto end = held.begin() + static_cast<std::ptrdiff_t>(std::min(held.size(), tokens.size() - 1));
    auto length = static_cast<std::size_t>(std::mismatch(held.begin(), end, tokens.begin()).first - held.begin());
    const bool leaves_one = length + 1 == request.n_prompt || (!whole_only && length + 3 == request.n_prompt);  // see `readable`
    length -= std::min<std::size_t>(length, leaves_one || length == 1 ? 1 : 0);
    return whole_only && length < held.size() ? 0 : length;
}

class Stash {
  public:
    struct Entry {
        std::vector<Token> tokens;
        std::vector<std::uint8_t> state;
    };

    // Fewer tokens are computed again in less than a second.
    static constexpr std::size_t worth_keeping = 128;

    // whole_only: an entry is of use only to prompts that begin with all of it.
    Stash(std::size_t most_bytes, bool whole_only) : most_bytes_(most_bytes), whole_only_(whole_only) {}

    // Takes an entry in; those that it can stand for go, and then those that were not used for longest, until there is room. False: it
    // is too large, or nothing.
    bool add(const std::vector<Token> &tokens, std::vector<std::uint8_t> state) {
        if (state.empty() || state.size() + tokens.size() * sizeof(Token) > most_bytes_) {
            return false;
        }
        for (const Entry &entry : entries_) {
            if (stands_for(entry.tokens, tokens)) {
                touch(entry);
                return true;
            }
        }
        entries_.remove_if([&](const Entry &entry) { return stands_for(tokens, entry.tokens); });
        entries_.push_back({tokens, std::move(state)});
        while (n_bytes() > most_bytes_) {
            entries_.pop_front();
        }
        return true;
    }

    // The entry that saves most of computing a request's tokens, or null; it stays valid until the next `add`.
    const Entry *find(const Request &request) const noexcept {
        const auto found = std::max_element(entries_.begin(), entries_.end(), [&](const Entry &a, const Entry &b) {
            return usable(a, request) < usable(b, request);
        });
        return found == entries_.end() ? nullptr : &*found;
    }

    // How many tokens of computing a request it saves.
    std::size_t reusable_of(const Request &request) const noexcept {
        const Entry *const found = find(request);
        return found == nullptr ? 0 : usable(*found, request);
    }

    // It was used just now.
    void touch(const Entry &used) { entries_.splice(entries_.end(), entries_, place_of(used)); }
    void drop(const Entry &entry) { entries_.erase(place_of(entry)); }
    void clear() noexcept { entries_.clear(); }

    std::size_t n_bytes() const noexcept {
        std::size_t sum = 0;
        for (const Entry &entry : entries_) {
            sum += entry.state.size() + entry.tokens.size() * sizeof(Token);
        }
        return sum;
    }

    // Least recently used first.
    const std::list<Entry> &entries() const noexcept { return entries_; }

  private:
    // Whether who has `all` needs no entry of `part`.
    bool stands_for(const std::vector<Token> &all, const std::vector<Token> &part) const noexcept {
        const bool fits = whole_only_ ? part.size() == all.size() : part.size() <= all.size();
        return fits && std::equal(part.begin(), part.end(), all.begin());
    }

    std::list<Entry>::const_iterator place_of(const Entry &entry) const noexcept {
        return std::find_if(entries_.begin(), entries_.end(), [&](const Entry &each) { return &each == &entry; });
    }

    std::size_t usable(const Entry &entry, const Request &request) const noexcept {
        return reusable(entry.tokens, request, whole_only_);
    }

    const std::size_t most_bytes_;
    const bool whole_only_;
    std::list<Entry> entries_;
};

}  // namespace cyllama
