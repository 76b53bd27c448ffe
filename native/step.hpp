// Who computes how many tokens in one decode.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend.hpp"
#include "sequences.hpp"

namespace cyllama {

struct Step {
    std::vector<Sequence *> running;  // whose tokens are in it
    std::vector<StepToken> tokens;
    bool has_prefill = false;  // beside the next tokens of those who write

    bool empty() const noexcept { return tokens.empty(); }

    // Fills it with the next token of everyone who writes, and prompt chunks beside them, at most `most` tokens in all. Who has an
    // answer that is begun and not in memory writes it again: see `reusable`.
    void plan(std::vector<Sequence> &sequences, std::size_t most) {
        running.clear();
        tokens.clear();
        std::size_t n_reading = 0;
        for (Sequence &sequence : sequences) {
            if (sequence.request != nullptr) {
                running.push_back(&sequence);
                n_reading += sequence.unread() > 1 ? 1 : 0;
            }
        }
        // Which sequence a request was given is chance, and the order of the tokens decides where in the context they lie.
        std::sort(running.begin(), running.end(),
                  [](const Sequence *a, const Sequence *b) { return a->request->order < b->request->order; });
        const std::size_t n_writing = running.size() - n_reading;
        if (n_writing > 0) {
            most = std::max(std::min(most, most_mixed), running.size());
        }
        has_prefill = n_reading > 0;
        share_out(most - n_writing, n_reading);
    }

    // The least number of threads that any request in it was given; 0 where all leave it to the governor.
    int fixed_threads() const noexcept {
        int fixed = 0;
        for (const Sequence *sequence : running) {
            const Limits &limits = sequence->request->limits;
            const int wanted = has_prefill ? limits.n_threads_batch : limits.n_threads;
            fixed = wanted > 0 && (fixed == 0 || wanted < fixed) ? wanted : fixed;
        }
        return fixed;
    }

  private:
    // With others in the step prompt chunks are short, so that those who write do not wait long for their next token.
    static constexpr std::size_t most_mixed = 64;

    // Prompts get equal shares of what is left; what a short one does not need goes to those after it.
    void share_out(std::size_t left, std::size_t n_reading) {
        for (const Sequence *sequence : running) {
            std::size_t share = 1;
            if (sequence->unread() > 1) {
                share = std::min(sequence->readable(), left / n_reading);
                left -= share;
                if (share > 2 && sequence->readable() - share == 1) {
                    --share;  // no token of a prompt is computed alone (see `reusable`)
                }
                --n_reading;
            }
            add(*sequence, share);
        }
    }

    void add(const Sequence &sequence, std::size_t count) {
        const std::vector<Token> &all = sequence.request->tokens;
        for (std::size_t index = sequence.tokens.size(), end = index + count; index < end; ++index) {
            tokens.push_back({all[index], static_cast<std::int32_t>(index), sequence.id, index + 1 == all.size()});
        }
    }
};

}  // namespace cyllama
