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
// n_held: how many of `held` count. whole_only: all of `held` or nothing.
inline std::size_t reusable(const std::vector<Token> &held, std::size_t n_held, const Request &request, bool whole_only) noexcept {
    const std::vector<Token> &tokens = request.tokens;
    const auto end = held.begin() + static_cast<std::ptrdiff_t>(std::min(n_held, tokens.size() - 1));
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
        std::size_t n_plain = 0;  // so many of its first tokens were computed as if alone in the context
    };

    // Fewer tokens are computed again in less than a second.
    static constexpr std::size_t worth_keeping = 128;

    // whole_only: an entry is of use only to prompts that begin with all of it.
    Stash(std::size_t most_bytes, bool whole_only) : most_bytes_(most_bytes), whole_only_(whole_only) {}

    // Takes an entry in; those that it can stand for go, and then those that were not used for longest, until there is room. False: it
    // is too large, or nothing.
    bool add(const std::vector<Token> &tokens, std::vector<std::uint8_t> state, std::size_t n_plain) {
        if (state.empty() || state.size() + tokens.size() * sizeof(Token) > most_bytes_) {
            return false;
        }
        Entry added{tokens, std::move(state), n_plain};
        for (const Entry &entry : entries_) {
            if (stands_for(entry, added)) {
                touch(entry);
                return true;
            }
        }
        entries_.remove_if([&](const Entry &entry) { return stands_for(added, entry); });
        entries_.push_back(std::move(added));
        while (n_bytes() > most_bytes_) {
            entries_.pop_front();
        }
        return true;
    }

    // The entry that saves most of computing a request's tokens, or null; it stays valid until the next `add`.
    // alone: what was computed beside others is of no use to this request.
    const Entry *find(const Request &request, bool alone) const noexcept {
        const auto found = std::max_element(entries_.begin(), entries_.end(), [&](const Entry &a, const Entry &b) {
            return usable(a, request, alone) < usable(b, request, alone);
        });
        return found == entries_.end() ? nullptr : &*found;
    }

    // How many tokens of computing a request it saves.
    std::size_t reusable_of(const Request &request, bool alone) const noexcept {
        const Entry *const found = find(request, alone);
        return found == nullptr ? 0 : usable(*found, request, alone);
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
    bool stands_for(const Entry &all, const Entry &part) const noexcept {
        const bool fits = whole_only_ ? part.tokens.size() == all.tokens.size() : part.tokens.size() <= all.tokens.size();
        return fits && all.n_plain >= part.n_plain && std::equal(part.tokens.begin(), part.tokens.end(), all.tokens.begin());
    }

    std::list<Entry>::const_iterator place_of(const Entry &entry) const noexcept {
        return std::find_if(entries_.begin(), entries_.end(), [&](const Entry &each) { return &each == &entry; });
    }

    std::size_t usable(const Entry &entry, const Request &request, bool alone) const noexcept {
        return reusable(entry.tokens, alone ? entry.n_plain : entry.tokens.size(), request, whole_only_);
    }

    const std::size_t most_bytes_;
    const bool whole_only_;
    std::list<Entry> entries_;
};

}  // namespace cyllama
