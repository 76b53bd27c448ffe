// Taking what lies in memory out of the scheduler, and putting it back, between two of its steps.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "errand.hpp"
#include "stash.hpp"

namespace cyllama {

// Copies what every sequence holds, and the stash.
class SaveErrand final : public Errand {
  public:
    std::vector<Stash::Entry> saved;

  private:
    void run(SequencePool &pool, Backend &backend) override {
        saved.assign(pool.stash().entries().begin(), pool.stash().entries().end());
        for (const Sequence &sequence : pool.all()) {
            std::vector<std::uint8_t> state = sequence.tokens.empty() ? std::vector<std::uint8_t>() : backend.save(sequence.id);
            if (!state.empty()) {
                saved.push_back({sequence.tokens, std::move(state), sequence.n_plain});
            }
        }
    }
};

// Adds to the stash.
class RestoreErrand final : public Errand {
  public:
    std::vector<Stash::Entry> to_restore;

  private:
    void run(SequencePool &pool, Backend &) override {
        for (Stash::Entry &entry : to_restore) {
            const std::size_t n_plain = entry.tokens.size();  // the file does not say: what was saved counts as computed alone
            pool.stash().add(entry.tokens, std::move(entry.state), n_plain);
        }
    }
};

}  // namespace cyllama
