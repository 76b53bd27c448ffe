// Runs a grammar over bytes, all ways of reading them at once.
//
// What is to do after a rule's end is kept in nodes, each the call that it returns to and the nodes of those who called: the
// graph-structured stack of Tomita's parser ("An efficient augmented-context-free parsing algorithm", 1987). All who make the same
// call at the same byte share a node, so time and memory are polynomial in the text, any recursion comes to an end, and a call
// in last place needs no node.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "grammar.hpp"
#include "place_set.hpp"

namespace cyllama {

// Where the readings of a text stand.
struct Front {
    struct Place {
        std::uint32_t state;  // which reads a byte
        std::uint32_t node;
    };
    std::vector<Place> places;
    bool complete = false;  // the text is whole

    bool dead() const noexcept { return places.empty() && !complete; }
};

class Matcher {
  public:
    // Borrows the grammar.
    explicit Matcher(const Grammar &grammar) : grammar_(grammar), nodes_{{0, none}} {}

    // Before any byte.
    Front begin() {
        Closure closure(*this);
        closure.add(grammar_.starts[grammar_.root], bottom);
        return closure.run();
    }

    // After one byte more. Made of an older front than the newest, it may follow `cut_back` alone.
    Front step(const Front &front, std::uint8_t byte) {
        Closure closure(*this);
        std::size_t n_edges = 0;
        for (const Front::Place &place : front.places) {
            const Grammar::State &state = grammar_.states[place.state];
            n_edges += static_cast<std::size_t>(state.b - state.a);
            for (std::int32_t index = state.a; index < state.b; ++index) {
                const Grammar::Edge &edge = grammar_.edges[static_cast<std::size_t>(index)];
                if (edge.low <= byte && byte <= edge.high) {
                    closure.add(Grammar::at(place.state, edge.target), place.node);
                }
            }
        }
        work_ += (front.places.size() * work_of_edges / 8 + n_edges) / work_of_edges;
        return closure.run();
    }

    // A measure of the time spent: how many places were looked at in all.
    std::size_t work() const noexcept { return work_; }
    // At how much work `begin` and `step` throw a GrammarError.
    void limit_work(std::size_t most) noexcept { most_work_ = most; }

    // To forget the fronts that were made after this mark.
    struct Mark {
        std::size_t n_nodes;
        std::size_t n_links;
    };
    Mark mark() const noexcept { return {nodes_.size(), links_.size()}; }
    void cut_back(const Mark &mark) {
        nodes_.resize(mark.n_nodes);
        links_.resize(mark.n_links);
    }

    // Frees what this front, the only one, does not need, when that may be worth it.
    void tidy(Front &front) {
        if (nodes_.size() < worth_tidying_) {
            return;
        }
        std::vector<std::uint32_t> moved(nodes_.size(), none);
        std::vector<std::uint32_t> kept;
        const auto keep = [&](std::uint32_t node) {
            if (moved[node] == none) {
                moved[node] = static_cast<std::uint32_t>(kept.size());
                kept.push_back(node);
            }
            return moved[node];
        };
        keep(bottom);
        for (Front::Place &place : front.places) {
            place.node = keep(place.node);
        }
        std::vector<Node> nodes;
        std::vector<Link> links;
        for (std::size_t index = 0; index < kept.size(); ++index) {  // it grows meanwhile
            Node node{nodes_[kept[index]].call, none};
            for (std::uint32_t link = nodes_[kept[index]].callers; link != none; link = links_[link].next) {
                links.push_back({keep(links_[link].node), node.callers});
                node.callers = static_cast<std::uint32_t>(links.size() - 1);
            }
            nodes.push_back(node);
        }
        nodes_ = std::move(nodes);
        links_ = std::move(links);
        worth_tidying_ = std::max(least_worth_tidying, 2 * nodes_.size());
    }

  private:
    static constexpr std::uint32_t none = 0xFFFFFFFF;
    static constexpr std::uint32_t bottom = 0;  // the node that the root returns to
    static constexpr std::size_t least_worth_tidying = 4096;
    static constexpr std::size_t most_places = 200'000;    // after one byte
    static constexpr std::size_t most_links = 10'000'000;  // 8 bytes each
    static constexpr std::size_t work_of_edges = 64;       // so many are looked through in the time that a place takes

    struct Node {
        std::uint32_t call;     // the state that called
        std::uint32_t callers;  // the first link of a list
    };
    struct Link {
        std::uint32_t node;
        std::uint32_t next;
    };

    [[noreturn]] static void refuse() {
        throw GrammarError("the grammar can be read in too many ways here: make it less ambiguous");
    }

    // Follows all that needs no byte.
    class Closure {
      public:
        explicit Closure(Matcher &matcher) : of_(matcher) { of_.seen_.clear(); }

        void add(std::uint32_t state, std::uint32_t node) {
            if (++of_.work_ > of_.most_work_) {
                refuse();
            }
            state = of_.grammar_.settled(state);
            if (!of_.seen_.insert(static_cast<std::uint64_t>(state) << 32 | node)) {
                return;
            }
            if (++n_added_ > most_places) {
                refuse();
            }
            todo_.push_back({state, node});
        }

        Front run() {
            while (!todo_.empty()) {
                const Front::Place place = todo_.back();
                todo_.pop_back();
                follow(place);
            }
            return std::move(front_);
        }

      private:
        void follow(const Front::Place &place) {
            const Grammar::State &state = of_.grammar_.states[place.state];
            switch (state.kind) {
            case Grammar::Kind::jump:
                break;  // never: places are settled
            case Grammar::Kind::fork:
                add(Grammar::at(place.state, state.b), place.node);
                add(Grammar::at(place.state, state.a), place.node);
                break;
            case Grammar::Kind::read:
                front_.places.push_back(place);
                break;
            case Grammar::Kind::call:
                call(place, of_.grammar_.starts[static_cast<std::size_t>(state.a)]);
                break;
            case Grammar::Kind::end:
                leave(place.node);
                break;
            }
        }

        void call(const Front::Place &place, std::uint32_t start) {
            if (of_.grammar_.states[of_.grammar_.settled(place.state + 1)].kind == Grammar::Kind::end) {
                add(start, place.node);
                return;
            }
            const auto [made, is_new] = made_.try_emplace(place.state, static_cast<std::uint32_t>(of_.nodes_.size()));
            const std::uint32_t node = made->second;
            if (is_new) {
                of_.nodes_.push_back({place.state, none});
            }
            if (of_.links_.size() >= most_links) {
                refuse();
            }
            of_.links_.push_back({place.node, of_.nodes_[node].callers});  // once for each: a place is followed once
            of_.nodes_[node].callers = static_cast<std::uint32_t>(of_.links_.size() - 1);
            if (is_new) {
                add(start, node);
            } else if (left_.count(node) > 0) {
                add(place.state + 1, place.node);  // its rule has come to its end already, with no byte
            }
        }

        void leave(std::uint32_t node) {
            if (node == bottom) {
                front_.complete = true;
                return;
            }
            if (!left_.insert(node).second) {
                return;  // `call` sees to the links that it gets after that
            }
            const std::uint32_t call = of_.nodes_[node].call;
            for (std::uint32_t link = of_.nodes_[node].callers; link != none; link = of_.links_[link].next) {
                add(call + 1, of_.links_[link].node);
            }
        }

        Matcher &of_;
        Front front_;
        std::vector<Front::Place> todo_;
        std::unordered_map<std::uint32_t, std::uint32_t> made_;  // a call to the node that it made at this byte
        std::unordered_set<std::uint32_t> left_;                 // nodes whose rule has come to its end at this byte
        std::size_t n_added_ = 0;
    };

    const Grammar &grammar_;
    std::vector<Node> nodes_;
    std::vector<Link> links_;
    PlaceSet seen_;  // the running closure's
    std::size_t worth_tidying_ = least_worth_tidying;
    std::size_t work_ = 0;
    std::size_t most_work_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace cyllama
