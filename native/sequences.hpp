// What lies in the memory of each sequence, and which of them a new request begins from: the prefix that it shares with one of
// them is not computed again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "backend.hpp"
#include "stash.hpp"

namespace cyllama {

struct Sequence {
    SequenceId id;
    std::vector<Token> tokens;   // those in memory
    Request *request = nullptr;  // what is generated in it now, or null
    std::size_t n_plain = 0;     // so many of its first tokens were computed as if alone in the context
    bool in_place = false;       // they lie at the context's beginning, as they would alone
    bool awaited = false;        // others wait for what its request computes now

    // Tokens that its request has and memory lacks.
    std::size_t missing() const noexcept { return request->tokens.size() - tokens.size(); }
    // Those of them that are the prompt's.
    std::size_t unread() const noexcept { return request->n_prompt - std::min(request->n_prompt, tokens.size()); }

    // Those of them that may be computed now. A prompt that others wait for is read up to where they can go on from (see `reusable`);
    // its last tokens are computed beside theirs. So several answers to one prompt share all their steps, whether the prompt had to
    // be read or lay in memory.
    std::size_t readable() const noexcept {
        const bool ends_with_prompt = request->tokens.size() == request->n_prompt;
        return awaited && ends_with_prompt && unread() > 3 ? unread() - 2 : unread();
    }
};

class SequencePool {
  public:
    SequencePool(Backend &backend, std::size_t stash_bytes) : backend_(backend), stash_(stash_bytes, !backend.can_truncate_restored()) {
        for (std::size_t id = 0; id < backend.n_sequences(); ++id) {
            all_.push_back({static_cast<SequenceId>(id), {}});
        }
    }

    std::vector<Sequence> &all() noexcept { return all_; }
    Stash &stash() noexcept { return stash_; }
    std::size_t n_busy() const noexcept {
        return static_cast<std::size_t>(std::count_if(all_.begin(), all_.end(), is_busy));
    }
    bool all_busy() const noexcept { return n_busy() == all_.size(); }

    // Who is about to compute a longer part of a request's tokens than lies in memory now, so much longer that it is worth the wait
    // or all that there is to have; null: nobody.
    Sequence *computing(const Request &request) noexcept {
        std::size_t now = 0;
        std::size_t soon = 0;
        Sequence *source = nullptr;
        for (Sequence &sequence : all_) {
            now = std::max(now, shared_of(sequence, request));
            const std::size_t length = is_busy(sequence) ? all_of_it(*sequence.request, request) : 0;
            if (length > soon) {
                soon = length;
                source = &sequence;
            }
        }
        const std::size_t stashed = stash_.reusable_of(request, false);
        now = stashed >= now + worth_fetching ? stashed : now;
        const bool is_all = soon == all_of_it(request, request);
        return soon >= now + worth_waiting || (is_all && soon > now) ? source : nullptr;
    }

    // Gives a request an idle sequence, which there must be, with as much of its prompt in memory as lies anywhere.
    //
    // What lies idle in others moves to the stash: attention adds up over cells, so a sequence whose cells lie behind another's
    // gets other last bits, and a lone greedy answer would depend on what was asked before. For the same reason a request that is
    // alone takes nothing that was computed beside others.
    Sequence &take(Request &request) {
        const bool alone = n_busy() == 0;
        if (alone) {
            for (Sequence &sequence : all_) {
                make_plain(sequence);
            }
        }
        Sequence &source = longest_match(request);
        const std::size_t shared = shared_of(source, request);
        const bool goes_on = !is_busy(source) && shared > 0 && stash_.reusable_of(request, alone) < shared + worth_fetching;
        for (Sequence &sequence : all_) {
            if (!is_busy(sequence) && !(goes_on && &sequence == &source)) {
                put_away(sequence);
            }
        }
        Sequence &target = goes_on ? source : idle();
        if (!goes_on) {
            target.in_place = alone;
            fill(target, is_busy(source) ? &source : nullptr, request);
        } else if (source.tokens.size() - shared >= Stash::worth_keeping) {
            keep(source);  // somebody may come back to what is cut off now
        }
        const std::size_t kept = shared_of(target, request);
        if (kept < target.tokens.size()) {
            cut(target, kept);
        }
        target.request = &request;
        return target;
    }

    void clear(Sequence &sequence) {
        if (!sequence.tokens.empty()) {
            backend_.truncate(sequence.id, 0);
            forget(sequence);
        }
    }

    // Nothing of it is in memory any more.
    static void forget(Sequence &sequence) {
        sequence.tokens.clear();
        sequence.n_plain = 0;
    }

    // A sequence's next tokens are in memory.
    void append(const std::vector<StepToken> &computed) {
        const bool alone = std::all_of(all_.begin(), all_.end(), [&](const Sequence &each) {
            return each.tokens.empty() || each.id == computed.front().sequence;
        }) && computed.front().sequence == computed.back().sequence;
        for (const StepToken &each : computed) {
            Sequence &sequence = all_[static_cast<std::size_t>(each.sequence)];
            sequence.n_plain += alone && sequence.in_place && sequence.n_plain == sequence.tokens.size() ? 1 : 0;
            sequence.tokens.push_back(each.token);
        }
    }

    // A prompt has been read. What cannot be cut back to its end later is kept now.
    void note_prompt(const Sequence &sequence) {
        if (!backend_.can_truncate_restored() && sequence.tokens.size() >= Stash::worth_keeping) {
            keep(sequence);
        }
    }

    // Empties an idle sequence; what was much work to compute stays in the stash.
    void put_away(Sequence &sequence) {
        if (sequence.tokens.size() >= Stash::worth_keeping) {
            keep(sequence);
        }
        clear(sequence);
    }

    // Makes room in the context by what lies idle in it; false when nothing does.
    bool put_away_idle() {
        for (Sequence &sequence : all_) {
            if (!is_busy(sequence) && !sequence.tokens.empty()) {
                put_away(sequence);
                return true;
            }
        }
        return false;
    }

  private:
    static constexpr std::size_t worth_waiting = 32;   // tokens
    static constexpr std::size_t worth_fetching = 32;  // tokens more than there are already: all of an entry has to be copied

    std::size_t shared_of(const Sequence &sequence, const Request &request) const noexcept {
        return reusable(sequence.tokens, sequence.tokens.size(), request, !backend_.can_truncate());
    }

    // How many of a request's tokens need not be computed when those of another one are.
    static std::size_t all_of_it(const Request &computed, const Request &request) noexcept {
        return reusable(computed.tokens, computed.tokens.size(), request, false);
    }

    static bool is_busy(const Sequence &sequence) noexcept { return sequence.request != nullptr; }

    Sequence &longest_match(const Request &request) noexcept {
        return *std::max_element(all_.begin(), all_.end(), [&](const Sequence &a, const Sequence &b) {
            return std::make_pair(shared_of(a, request), !is_busy(a)) < std::make_pair(shared_of(b, request), !is_busy(b));
        });
    }

    void cut(Sequence &sequence, std::size_t length) {
        sequence.tokens.resize(backend_.truncate(sequence.id, length));
        sequence.n_plain = std::min(sequence.n_plain, sequence.tokens.size());
    }

    bool keep(const Sequence &sequence) { return stash_.add(sequence.tokens, backend_.save(sequence.id), sequence.n_plain); }

    // Leaves of an idle sequence what was computed as if alone and lies where it would; the stash keeps the rest for those who have
    // company.
    void make_plain(Sequence &sequence) {
        if (!sequence.in_place) {
            put_away(sequence);
        } else if (sequence.tokens.size() > sequence.n_plain) {
            if (sequence.tokens.size() >= Stash::worth_keeping) {
                keep(sequence);
            }
            cut(sequence, sequence.n_plain);
        }
    }

    Sequence &idle() noexcept { return *std::find_if_not(all_.begin(), all_.end(), is_busy); }

    // Fills an empty sequence from the stash or from one that is computed now, whichever has more of the request's tokens.
    void fill(Sequence &target, const Sequence *busy, const Request &request) {
        const std::size_t shared = busy == nullptr ? 0 : shared_of(*busy, request);
        const bool alone = target.in_place;
        if (stash_.reusable_of(request, alone) >= shared + worth_fetching) {
            const Stash::Entry &entry = *stash_.find(request, alone);
            if (backend_.restore(target.id, entry.state, entry.tokens.size())) {
                target.tokens = entry.tokens;
                target.n_plain = entry.n_plain;
                stash_.touch(entry);
                if (alone && target.n_plain < target.tokens.size()) {
                    cut(target, target.n_plain);
                }
                return;
            }
            if (alone) {  // it was not for want of room beside those who run
                stash_.drop(entry);
            }
        }
        if (shared > 0) {
            backend_.copy(busy->id, target.id, shared);
            target.n_plain = std::min(busy->n_plain, shared);
            target.tokens.assign(request.tokens.begin(), request.tokens.begin() + static_cast<std::ptrdiff_t>(shared));
        }
    }

    Backend &backend_;
    Stash stash_;
    std::vector<Sequence> all_;
};

}  // namespace cyllama
