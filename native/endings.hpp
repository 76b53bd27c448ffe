// Which rules of a grammar have a text at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "grammar.hpp"

namespace cyllama {

// Walks all rules from their first states, past a call only when the rule that it calls is known to end: the closure by which
// useless symbols of a context-free grammar are found. Each state is looked at once.
class Endings {
  public:
    explicit Endings(const Grammar &grammar)
        : grammar_(grammar), seen_(grammar.states.size()), ends_(grammar.starts.size()), waiting_(grammar.starts.size()) {
        for (const std::uint32_t start : grammar.starts) {
            reach(start);
        }
        while (!todo_.empty()) {
            const std::uint32_t state = todo_.back();
            todo_.pop_back();
            follow(state);
        }
    }

    // Whether a text can come of a rule, be it an empty one.
    bool can_end(std::uint32_t rule) const { return ends_[rule]; }

  private:
    void reach(std::uint32_t state) {
        if (!seen_[state]) {
            seen_[state] = true;
            todo_.push_back(state);
        }
    }

    void follow(std::uint32_t at) {
        const Grammar::State &state = grammar_.states[at];
        switch (state.kind) {
        case Grammar::Kind::fork:
            reach(Grammar::at(at, state.b));
            [[fallthrough]];
        case Grammar::Kind::jump:
            reach(Grammar::at(at, state.a));
            break;
        case Grammar::Kind::read:
            for (std::int32_t index = state.a; index < state.b; ++index) {
                reach(Grammar::at(at, grammar_.edges[static_cast<std::size_t>(index)].target));
            }
            break;
        case Grammar::Kind::call:
            pass(static_cast<std::size_t>(state.a), at + 1);
            break;
        case Grammar::Kind::end:
            end(static_cast<std::size_t>(state.a));
            break;
        }
    }

    void pass(std::size_t rule, std::uint32_t next) {
        if (ends_[rule]) {
            reach(next);
        } else {
            waiting_[rule].push_back(next);
        }
    }

    void end(std::size_t rule) {
        ends_[rule] = true;
        for (const std::uint32_t next : waiting_[rule]) {
            reach(next);
        }
        waiting_[rule].clear();
    }

    const Grammar &grammar_;
    std::vector<bool> seen_;
    std::vector<bool> ends_;                           // by rule
    std::vector<std::vector<std::uint32_t>> waiting_;  // by rule: states to go on with once it is known to end
    std::vector<std::uint32_t> todo_;
};

}  // namespace cyllama
