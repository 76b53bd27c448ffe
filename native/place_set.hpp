// A set of numbers that is emptied far more often than it is large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace cyllama {

// A hash table with linear probing, at most half full. Each slot says in which round it was filled, so emptying the table is to
// begin another round.
class PlaceSet {
  public:
    void clear() noexcept {
        count_ = 0;
        if (++round_ == 0) {  // after four billion
            slots_.assign(slots_.size(), {});
            round_ = 1;
        }
    }

    // Whether it was not there before.
    bool insert(std::uint64_t key) {
        if (2 * (count_ + 1) > slots_.size()) {
            grow();
        }
        Slot &slot = find(key);
        if (slot.round == round_) {
            return false;
        }
        slot = {key, round_};
        ++count_;
        return true;
    }

  private:
    struct Slot {
        std::uint64_t key = 0;
        std::uint32_t round = 0;  // 0: never filled
    };

    // The slot that holds it, or the one that it belongs into.
    Slot &find(std::uint64_t key) noexcept {
        constexpr std::uint64_t golden = 0x9E3779B97F4A7C15;  // Knuth's multiplicative hashing, of 64 bits
        std::size_t index = static_cast<std::size_t>(key * golden >> 32) & (slots_.size() - 1);
        while (slots_[index].round == round_ && slots_[index].key != key) {
            index = (index + 1) & (slots_.size() - 1);
        }
        return slots_[index];
    }

    void grow() {
        const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
        for (const Slot &slot : old) {
            if (slot.round == round_) {
                find(slot.key) = slot;
            }
        }
    }

    std::vector<Slot> slots_ = std::vector<Slot>(64);  // a power of two
    std::size_t count_ = 0;
    std::uint32_t round_ = 1;
};

}  // namespace cyllama
