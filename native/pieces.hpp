// The bytes of all tokens of a vocabulary, in an order in which those that begin alike are neighbours.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "llama.h"

namespace cyllama {

// As text is made of it: control tokens have no bytes, unless they are `special`, which spells them out.
inline std::string piece_of(const llama_vocab *vocab, llama_token token, bool special = false) {
    std::string bytes(32, '\0');
    const auto read = [&] {
        return llama_token_to_piece(vocab, token, bytes.data(), static_cast<std::int32_t>(bytes.size()), 0, special);
    };
    std::int32_t length = read();
    if (length < 0) {
        bytes.resize(static_cast<std::size_t>(-length));
        length = read();
    }
    bytes.resize(static_cast<std::size_t>(std::max(length, 0)));
    return bytes;
}

struct Pieces {
    std::vector<std::string> of;       // each token's bytes
    std::vector<bool> ends;            // whether a token ends an answer
    std::vector<llama_token> sorted;   // those that have bytes and end nothing
    std::vector<std::size_t> shared;   // how many first bytes each of them has in common with the one before it

    explicit Pieces(const llama_vocab *vocab) {
        const std::int32_t count = llama_vocab_n_tokens(vocab);
        for (llama_token token = 0; token < count; ++token) {
            of.push_back(piece_of(vocab, token));
            ends.push_back(llama_vocab_is_eog(vocab, token));
            if (!of.back().empty() && !ends.back()) {
                sorted.push_back(token);
            }
        }
        std::sort(sorted.begin(), sorted.end(), [&](llama_token a, llama_token b) { return piece(a) < piece(b); });
        for (std::size_t index = 0; index < sorted.size(); ++index) {
            shared.push_back(index == 0 ? 0 : common(piece(sorted[index - 1]), piece(sorted[index])));
        }
    }

    const std::string &piece(llama_token token) const { return of[static_cast<std::size_t>(token)]; }

  private:
    static std::size_t common(const std::string &a, const std::string &b) {
        const std::size_t most = std::min(a.size(), b.size());
        return static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(most), b.begin()).first - a.begin());
    }
};

}  // namespace cyllama
