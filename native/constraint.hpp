// Which tokens an answer may go on with under a grammar.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grammar.hpp"
#include "matcher.hpp"
#include "pieces.hpp"

namespace cyllama {

// Somebody wants the work to end before its result is there.
struct Interrupted {};

class Constraint {
  public:
    Constraint(std::shared_ptr<const Pieces> pieces, std::shared_ptr<const Grammar> grammar)
        : pieces_(std::move(pieces)), grammar_(std::move(grammar)), matcher_(*grammar_), front_(matcher_.begin()) {
        matcher_.limit_work(matcher_.work() + most_work);
    }

    // Whether the answer is whole as it stands.
    bool complete() const noexcept { return front_.complete; }
    // Whether nothing can follow it.
    bool over() const noexcept { return front_.complete && front_.places.empty(); }

    // Whether a token may come next. Asks `interrupted()` now and then, and throws Interrupted; a GrammarError where one token's
    // choice is too much work.
    template <typename Asked>
    bool allows(llama_token token, const Asked &interrupted) {
        if (pieces_->ends[static_cast<std::size_t>(token)]) {
            return front_.complete;
        }
        return tried([&] { return !pieces_->piece(token).empty() && !after(token, interrupted).dead(); });
    }

    // The answer goes on with a token. Throws a GrammarError where it does not fit, and as `allows` does.
    template <typename Asked>
    void accept(llama_token token, const Asked &interrupted) {
        if (pieces_->ends[static_cast<std::size_t>(token)]) {
            return;
        }
        Front next = after(token, interrupted);
        if (next.dead()) {
            throw GrammarError("the grammar does not allow " + quoted(pieces_->piece(token)) + " there");
        }
        front_ = std::move(next);
        matcher_.tidy(front_);
        matcher_.limit_work(matcher_.work() + most_work);
    }

    // Marks every token that may come next; the same.
    template <typename Asked>
    void mark_allowed(std::vector<bool> &allowed, const Asked &interrupted) {
        allowed.assign(pieces_->of.size(), false);
        tried([&] {
            mark_fitting(allowed, interrupted);
            return true;
        });
        for (std::size_t token = 0; front_.complete && token < allowed.size(); ++token) {
            allowed[token] = allowed[token] || pieces_->ends[token];
        }
    }

  private:
    static constexpr std::size_t work_between_looks = 4096;  // some hundred microseconds
    // For one token, while all other generations of the model wait: a second or so.
    static constexpr std::size_t most_work = 100'000'000;

    // Runs something that makes fronts, and forgets them.
    template <typename Trial>
    bool tried(const Trial &trial) {
        const Matcher::Mark before = matcher_.mark();
        try {
            const bool result = trial();
            matcher_.cut_back(before);
            return result;
        } catch (...) {
            matcher_.cut_back(before);
            throw;
        }
    }

    template <typename Asked>
    Front step(const Front &front, char byte, const Asked &interrupted) {
        if (matcher_.work() >= next_look_) {
            next_look_ = matcher_.work() + work_between_looks;
            if (interrupted()) {
                throw Interrupted();
            }
        }
        return matcher_.step(front, static_cast<std::uint8_t>(byte));
    }

    template <typename Asked>
    Front after(llama_token token, const Asked &interrupted) {
        Front front = front_;
        for (const char byte : pieces_->piece(token)) {
            front = step(front, byte, interrupted);
        }
        return front;
    }

    // Walks the pieces as a trie: what several have in common is read once, and where that cannot be read none of them is.
    template <typename Asked>
    void mark_fitting(std::vector<bool> &allowed, const Asked &interrupted) {
        std::vector<Front> read{front_};  // after each byte of the piece
        std::vector<Matcher::Mark> marks{matcher_.mark()};
        std::size_t unreadable = 0;  // so many first bytes of the last piece have no reading; 0: all have
        for (std::size_t index = 0; index < pieces_->sorted.size(); ++index) {
            const std::size_t shared = pieces_->shared[index];
            if (unreadable > 0 && shared >= unreadable) {
                continue;
            }
            unreadable = 0;
            const std::size_t kept = std::min(shared + 1, read.size());
            read.resize(kept);
            marks.resize(kept);
            matcher_.cut_back(marks.back());
            const std::string &piece = pieces_->piece(pieces_->sorted[index]);
            while (read.size() <= piece.size() && unreadable == 0) {
                Front next = step(read.back(), piece[read.size() - 1], interrupted);
                if (next.dead()) {
                    unreadable = read.size();
                } else {
                    read.push_back(std::move(next));
                    marks.push_back(matcher_.mark());
                }
            }
            allowed[static_cast<std::size_t>(pieces_->sorted[index])] = unreadable == 0;
        }
    }

    // For a message: what is no plain ASCII is left out of it.
    static std::string quoted(const std::string &piece) {
        std::string plain = "'";
        for (const char byte : piece) {
            plain += ' ' <= byte && byte <= '~' ? std::string(1, byte) : byte == '\n' ? "\\n" : "?";
        }
        return plain + "'";
    }

    const std::shared_ptr<const Pieces> pieces_;
    const std::shared_ptr<const Grammar> grammar_;  // which matcher_ borrows
    Matcher matcher_;
    Front front_;
    std::size_t next_look_ = 0;  // at how much work
};

}  // namespace cyllama
