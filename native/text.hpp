// What the bytes of a generation's tokens go through on their way to the reader: whole characters, and nothing of a stop sequence.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cyllama {

// Bytes to whole UTF-8 characters, as Python's "replace" does: bytes that can be no UTF-8 become U+FFFD (one for each maximal
// beginning of a character), and the unfinished beginning of a character is held back.
class Utf8Decoder {
  public:
    // Appends to `out` the characters that `piece` made whole.
    void push(std::string_view piece, std::string &out) {
        for (const char byte : piece) {
            take(static_cast<unsigned char>(byte), out);
        }
    }

  private:
    void take(unsigned char byte, std::string &out) {
        if (missing_ > 0) {
            if (lowest_ <= byte && byte <= highest_) {
                follow(byte, out);
                return;
            }
            replace(out);  // the character broke off; this byte begins another
        }
        if (byte < 0x80) {
            out.push_back(static_cast<char>(byte));
        } else {
            begin(byte, out);
        }
    }

    // Table 3-7 of the Unicode standard: how many bytes follow a first one, and the range of the second.
    void begin(unsigned char byte, std::string &out) {
        if (byte < 0xC2 || byte > 0xF4) {
            replace(out);
            return;
        }
        missing_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
        lowest_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;   // else the character has a shorter form
        highest_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;  // else it is a surrogate, or beyond U+10FFFF
        begun_.assign(1, static_cast<char>(byte));
    }

    void follow(unsigned char byte, std::string &out) {
        begun_.push_back(static_cast<char>(byte));
        lowest_ = 0x80;
        highest_ = 0xBF;
        if (--missing_ == 0) {
            out += begun_;
        }
    }

    void replace(std::string &out) {
        missing_ = 0;
        out += "\xEF\xBF\xBD";
    }

    std::string begun_;  // at most 4 bytes, so it never allocates
    int missing_ = 0;    // bytes until it is whole
    unsigned char lowest_ = 0x80;
    unsigned char highest_ = 0xBF;
};

// Lets text through up to a stop sequence, which may be split over any number of pieces, and nothing after it.
//
// The first one to be complete counts, and of several that end there the longest: that can be said without knowing what comes
// after, so it does not depend on how the text was cut into pieces. Only text that may still become a stop sequence is held back.
// It compares bytes: in whole characters of UTF-8 that finds the same as comparing characters.
//
// This is the automaton of Aho and Corasick: a state is the longest end of the text that begins some stop sequence. So the cost
// of a text is linear in its length however many stop sequences there are and however long, and what is held back needs no
// buffer: it is the beginning of the stop sequence that the state names.
class StopFilter {
  public:
    // An empty stop sequence stops nothing.
    explicit StopFilter(std::vector<std::string> stops = {}) : stops_(std::move(stops)) { build(); }

    // Appends to `out` what is certainly not part of a stop sequence.
    void push(std::string_view text, std::string &out) {
        if (stopped_) {
            return;
        }
        const std::string_view held = beginning(state_);
        for (std::size_t i = 0; i < text.size(); ++i) {
            state_ = next(state_, static_cast<unsigned char>(text[i]));
            if (states_[state_].match > 0) {
                stopped_ = true;
                pass(held, text, held.size() + i + 1 - states_[state_].match, out);
                state_ = root;
                return;
            }
        }
        pass(held, text, held.size() + text.size() - states_[state_].length, out);
    }

    // Appends what was held back: no stop sequence came of it.
    void flush(std::string &out) {
        out += beginning(state_);
        state_ = root;
    }

    bool stopped() const noexcept { return stopped_; }

  private:
    struct State {
        std::size_t stop = 0;      // a stop sequence that begins so
        std::size_t length = 0;    // how far
        std::size_t fallback = 0;  // the longest other state that it ends with
        std::size_t match = 0;     // length of the longest whole stop sequence that it ends with; 0 for none
    };
    static constexpr std::size_t root = 0;

    // Makes states in the order of their length, so that every fallback is there before it is needed.
    void build() {
        std::sort(stops_.begin(), stops_.end(), [](const auto &a, const auto &b) { return a.size() > b.size(); });
        std::vector<std::size_t> reached(stops_.size(), root);
        const std::size_t longest = stops_.empty() ? 0 : stops_.front().size();
        for (std::size_t at = 0; at < longest; ++at) {
            for (std::size_t stop = 0; stop < stops_.size() && stops_[stop].size() > at; ++stop) {
                reached[stop] = extend(reached[stop], stop, at);
                if (stops_[stop].size() == at + 1) {
                    states_[reached[stop]].match = at + 1;
                }
            }
        }
    }

    // The state one byte further along a stop sequence, which is made if no other begins so.
    std::size_t extend(std::size_t from, std::size_t stop, std::size_t at) {
        const auto byte = static_cast<unsigned char>(stops_[stop][at]);
        const auto [place, made] = steps_.try_emplace(key(from, byte), states_.size());
        if (made) {
            const std::size_t fallback = from == root ? root : next(states_[from].fallback, byte);
            states_.push_back({stop, at + 1, fallback, states_[fallback].match});
            if (from == root) {
                first_.set(byte);
            }
        }
        return place->second;
    }

    std::size_t next(std::size_t state, unsigned char byte) const {
        for (; state != root; state = states_[state].fallback) {
            if (const auto step = steps_.find(key(state, byte)); step != steps_.end()) {
                return step->second;
            }
        }
        return first_[byte] ? steps_.at(key(root, byte)) : root;  // most text is here: no look into the map for it
    }

    static std::uint64_t key(std::size_t state, unsigned char byte) noexcept {
        return static_cast<std::uint64_t>(state) << 8 | byte;
    }

    std::string_view beginning(std::size_t state) const {
        return state == root ? std::string_view() : std::string_view(stops_[states_[state].stop]).substr(0, states_[state].length);
    }

    // Appends the first `count` bytes of what was held and what came.
    static void pass(std::string_view held, std::string_view came, std::size_t count, std::string &out) {
        out += held.substr(0, count);
        out += came.substr(0, count - std::min(count, held.size()));
    }

    std::vector<std::string> stops_;  // longest first
    std::vector<State> states_{1};
    std::unordered_map<std::uint64_t, std::size_t> steps_;  // of a state and a byte
    std::bitset<256> first_;                                // bytes that a stop sequence begins with
    std::size_t state_ = root;
    bool stopped_ = false;
};

// Both in a row: what one generation's token bytes go through.
class TextFilter {
  public:
    explicit TextFilter(std::vector<std::string> stops = {}) : stops_(std::move(stops)) {}

    // Appends to `out` what is whole characters and certainly not part of a stop sequence.
    void push(std::string_view piece, std::string &out) {
        text_.clear();
        decoder_.push(piece, text_);
        stops_.push(text_, out);
    }

    // Appends what was held back for a stop sequence; the beginning of a character that never ended is not text.
    void flush(std::string &out) { stops_.flush(out); }

    bool stopped() const noexcept { return stops_.stopped(); }

  private:
    Utf8Decoder decoder_;
    StopFilter stops_;
    std::string text_;  // kept for its memory
};

}  // namespace cyllama
