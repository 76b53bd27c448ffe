// A grammar as a program over bytes: what the matcher runs and what the reader of GBNF builds.
//
// Each rule is a finite automaton whose states read a byte, fork, or call another rule. Targets are relative to the state that
// names them, so a part that is repeated is a plain copy of its states.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace cyllama {

// What is wrong with a grammar, or with a text under it, in words.
class GrammarError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct Grammar {
    enum class Kind : std::uint8_t {
        jump,  // to `a`
        fork,  // to `a` and to `b`
        read,  // one byte, by one of the edges from `a` up to `b`
        call,  // of rule `a`; then to the next state
        end    // of rule `a`
    };
    struct State {
        Kind kind;
        std::int32_t a = 0;
        std::int32_t b = 0;
    };
    struct Edge {
        std::uint8_t low;
        std::uint8_t high;
        std::int32_t target;  // relative to the state that reads
    };

    std::vector<State> states;
    std::vector<Edge> edges;
    std::vector<std::uint32_t> starts;  // the first state of each rule
    std::uint32_t root = 0;             // a rule

    // The state that is reached from here without a choice.
    std::uint32_t settled(std::uint32_t state) const noexcept {
        while (states[state].kind == Kind::jump) {
            state = at(state, states[state].a);
        }
        return state;
    }

    // Lets every jump lead to where a row of them ends.
    void shorten() noexcept {
        for (std::uint32_t first = 0; first < states.size(); ++first) {
            const std::uint32_t end = settled(first);
            for (std::uint32_t state = first; state != end;) {  // a second walk over them takes one step
                const std::uint32_t next = at(state, states[state].a);
                states[state].a = static_cast<std::int32_t>(end) - static_cast<std::int32_t>(state);
                state = next;
            }
        }
    }

    static std::uint32_t at(std::uint32_t state, std::int32_t relative) noexcept {
        return static_cast<std::uint32_t>(static_cast<std::int64_t>(state) + relative);
    }
};

// A part of a rule under construction: its states are those from `first` up to the newest, and `exit` is a jump to nowhere yet.
struct Fragment {
    std::uint32_t first;
    std::uint32_t entry;
    std::uint32_t exit;
};

// Puts automata together by Thompson's construction. Every state that a call returns to lies just behind the call.
class GrammarBuilder {
  public:
    static constexpr std::size_t most_states = 1u << 20;       // 12 bytes each
    static constexpr std::size_t most_copied = 8 * most_states;  // in all

    explicit GrammarBuilder(Grammar &grammar) : grammar_(grammar) {}

    Fragment nothing() {
        const std::uint32_t state = add({Grammar::Kind::jump});
        return {state, state, state};
    }

    Fragment call(std::uint32_t rule) {
        const std::uint32_t state = add({Grammar::Kind::call, static_cast<std::int32_t>(rule)});
        return {state, state, add({Grammar::Kind::jump})};
    }

    // Reads a byte by one of the edges that were added since there were `first_edge` of them.
    std::uint32_t read(std::size_t first_edge) {
        return add({Grammar::Kind::read, static_cast<std::int32_t>(first_edge), static_cast<std::int32_t>(grammar_.edges.size())});
    }

    // Both were made one after the other.
    Fragment sequence(const Fragment &one, const Fragment &two) {
        link(one.exit, two.entry);
        return {one.first, one.entry, two.exit};
    }

    // All were made one after the other; at least one.
    Fragment choice(const std::vector<Fragment> &parts) {
        const std::uint32_t exit = add({Grammar::Kind::jump});
        std::uint32_t entry = parts.back().entry;
        for (std::size_t index = parts.size(); index-- > 0;) {
            link(parts[index].exit, exit);
            if (index + 1 < parts.size()) {
                entry = fork(parts[index].entry, entry);
            }
        }
        return {parts.front().first, entry, exit};
    }

    // A part from `least` to `most` times; the newest part there is. `endless`: as often as one likes.
    Fragment repeat(const Fragment &part, std::size_t least, std::size_t most, bool endless) {
        const std::vector<Grammar::State> body(grammar_.states.begin() + part.first, grammar_.states.end());
        const std::size_t copies = endless ? least + 1 : most;
        copied_ += body.size() * (std::min(copies, most_states) + 1);  // every mark copies again what is before it
        if (copies > most_states / (body.size() + 1) || copied_ > most_copied) {
            throw GrammarError("its repetitions make it too large");
        }
        grammar_.states.resize(part.first);
        const std::uint32_t entry = add({Grammar::Kind::jump});
        std::uint32_t tail = entry;
        std::vector<std::uint32_t> forks;
        for (std::size_t index = 0; index < copies; ++index) {
            std::uint32_t choice = 0;
            if (index >= least) {
                choice = add({Grammar::Kind::fork});
                link(tail, choice);
                forks.push_back(choice);
            }
            const auto shift = static_cast<std::uint32_t>(grammar_.states.size()) - part.first;
            grammar_.states.insert(grammar_.states.end(), body.begin(), body.end());
            check_size();
            link(index >= least ? choice : tail, part.entry + shift);
            tail = part.exit + shift;
        }
        const std::uint32_t exit = add({Grammar::Kind::jump});
        link(tail, endless ? forks.back() : exit);
        for (const std::uint32_t choice : forks) {
            grammar_.states[choice].b = relative(choice, exit);
        }
        return {part.first, entry, exit};
    }

    // Ends a rule; returns its first state.
    std::uint32_t finish(const Fragment &whole, std::uint32_t rule) {
        link(whole.exit, add({Grammar::Kind::end, static_cast<std::int32_t>(rule)}));
        return whole.entry;
    }

    void link(std::uint32_t from, std::uint32_t to) { grammar_.states[from].a = relative(from, to); }

    static std::int32_t relative(std::uint32_t from, std::uint32_t to) noexcept {
        return static_cast<std::int32_t>(to) - static_cast<std::int32_t>(from);
    }

    std::uint32_t add(const Grammar::State &state) {
        grammar_.states.push_back(state);
        check_size();
        return static_cast<std::uint32_t>(grammar_.states.size() - 1);
    }

  private:
    std::uint32_t fork(std::uint32_t one, std::uint32_t two) {
        const std::uint32_t state = add({Grammar::Kind::fork});
        grammar_.states[state].a = relative(state, one);
        grammar_.states[state].b = relative(state, two);
        return state;
    }

    void check_size() const {
        if (grammar_.states.size() > most_states || grammar_.edges.size() > most_states) {
            throw GrammarError("it is too large");
        }
    }

    Grammar &grammar_;
    std::size_t copied_ = 0;  // states
};

}  // namespace cyllama
