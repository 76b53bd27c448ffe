// A set of characters as the byte sequences that spell them in UTF-8.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace cyllama {

constexpr std::uint32_t last_character = 0x10FFFF;

// The first and the last of a run of characters.
using Range = std::pair<std::uint32_t, std::uint32_t>;

// One byte range after the other.
using ByteRanges = std::vector<std::pair<std::uint8_t, std::uint8_t>>;

// The ranges in order, each character once; `inverse`: all other characters.
inline std::vector<Range> normalized(std::vector<Range> ranges, bool inverse) {
    std::sort(ranges.begin(), ranges.end());
    std::vector<Range> merged;
    for (const Range &range : ranges) {
        if (!merged.empty() && range.first <= merged.back().second + 1) {
            merged.back().second = std::max(merged.back().second, range.second);
        } else {
            merged.push_back(range);
        }
    }
    if (!inverse) {
        return merged;
    }
    std::vector<Range> others;
    std::uint32_t next = 0;
    for (const Range &range : merged) {
        if (range.first > next) {
            others.emplace_back(next, range.first - 1);
        }
        next = range.second + 1;
    }
    if (next <= last_character) {
        others.emplace_back(next, last_character);
    }
    return others;
}

inline std::vector<std::uint8_t> utf8_of(std::uint32_t character) {
    const auto byte = [](std::uint32_t value) { return static_cast<std::uint8_t>(value); };
    const auto follower = [&](int shift) { return byte(0x80 | (character >> shift & 0x3F)); };
    if (character < 0x80) {
        return {byte(character)};
    }
    if (character < 0x800) {
        return {byte(0xC0 | character >> 6), follower(0)};
    }
    if (character < 0x10000) {
        return {byte(0xE0 | character >> 12), follower(6), follower(0)};
    }
    return {byte(0xF0 | character >> 18), follower(12), follower(6), follower(0)};
}

// Calls `emit(ByteRanges)` for sequences that together spell just the characters from `low` to `high`, but no surrogates, which
// UTF-8 has none of. A range is cut until its spellings differ in a run of whole last bytes alone.
template <typename Emit>
void for_each_spelling(std::uint32_t low, std::uint32_t high, const Emit &emit) {
    const auto cut = [&](std::uint32_t last_of_first) {
        for_each_spelling(low, last_of_first, emit);
        for_each_spelling(last_of_first + 1, high, emit);
    };
    if (low > high || (low >= 0xD800 && high <= 0xDFFF)) {
        return;
    }
    for (const std::uint32_t border : {0x7Fu, 0x7FFu, 0xD7FFu, 0xDFFFu, 0xFFFFu}) {
        if (low <= border && border < high) {
            cut(border);
            return;
        }
    }
    const std::vector<std::uint8_t> first = utf8_of(low);
    for (std::size_t followers = 1; followers < first.size(); ++followers) {
        const std::uint32_t mask = (1u << (6 * followers)) - 1;
        if ((low & ~mask) != (high & ~mask)) {
            if ((low & mask) != 0) {
                cut(low | mask);
                return;
            }
            if ((high & mask) != mask) {
                cut((high & ~mask) - 1);
                return;
            }
        }
    }
    const std::vector<std::uint8_t> last = utf8_of(high);
    ByteRanges ranges;
    for (std::size_t index = 0; index < first.size(); ++index) {
        ranges.emplace_back(first[index], last[index]);
    }
    emit(ranges);
}

}  // namespace cyllama
