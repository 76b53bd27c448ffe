// Taking what lies in memory out of the scheduler, and putting it back, between two of its steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "scheduler.hpp"

namespace cyllama {

struct SavedSequence {
    std::vector<Token> tokens;
    std::vector<std::uint8_t> state;
};

// Copies every sequence that holds something, the one that was used last in the end.
class SaveErrand final : public Errand {
  public:
    void run(SequencePool &pool, Backend &backend) override {
        std::vector<const Sequence *> held;
        for (const Sequence &sequence : pool.all()) {
            if (!sequence.tokens.empty()) {
                held.push_back(&sequence);
            }
        }
        std::sort(held.begin(), held.end(),
                  [](const Sequence *a, const Sequence *b) { return a->last_used < b->last_used; });
        for (const Sequence *sequence : held) {
            saved.push_back({sequence->tokens, backend.save(sequence->id)});
        }
    }

    std::vector<SavedSequence> saved;
};

// Puts sequences into idle ones, in place of what was used least; what does not fit beside those that are busy is left out.
class RestoreErrand final : public Errand {
  public:
    void run(SequencePool &pool, Backend &backend) override {
        for (const SavedSequence &each : to_restore) {
            if (pool.all_busy()) {
                return;
            }
            Sequence &target = pool.least_used();
            pool.clear(target);
            while (!backend.restore(target.id, each.state)) {
                Sequence *const stale = pool.stalest();
                if (stale == nullptr) {
                    return;
                }
                pool.clear(*stale);
            }
            target.tokens = each.tokens;
            pool.release(target);
            ++n_restored;
        }
    }

    std::vector<SavedSequence> to_restore;
    std::size_t n_restored = 0;
};

}  // namespace cyllama
