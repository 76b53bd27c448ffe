// What an undisturbed run of the fake model answers: a token is a function of all that come before it, and of the sampler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "request.hpp"
#include "text.hpp"

namespace cyllama {

[[noreturn]] inline void give_up(const char *why) {
    std::fprintf(stderr, "broken: %s\n", why);
    std::abort();
}

inline void require(bool holds, const char *what) {
    if (!holds) {
        give_up(what);
    }
}

constexpr Token end_token = 0;
constexpr Token n_tokens = 64;

// With another salt the same text goes on otherwise.
using Salt = std::uint64_t;

struct FakeSampler {
    Salt salt;
    std::uint64_t places = 0;  // a hash of how all that was sampled had been computed: in which cells, and whether alone
};

inline std::uint64_t mix(std::uint64_t value) noexcept {  // the finaliser of splitmix64
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

inline std::uint64_t hash_of(const std::vector<Token> &tokens) noexcept {
    std::uint64_t hash = tokens.size();
    for (const Token token : tokens) {
        hash = mix(hash + static_cast<std::uint64_t>(token) + 1);
    }
    return hash;
}

inline Token next_token(std::uint64_t hash, Salt salt) noexcept {
    const std::uint64_t value = mix(hash ^ salt);
    return value % 200 == 0 ? end_token : static_cast<Token>(1 + value / 200 % (n_tokens - 1));
}

// Letters, and characters whose two bytes are tokens of their own.
inline std::string piece_of(Token token) {
    static const char *const special[] = {"\xC3", "\xA9", "\xC3\xA9", "the ", "", "\xFF"};
    constexpr Token n_special = sizeof special / sizeof *special;
    return token < n_special ? special[token] : std::string(1, static_cast<char>('a' + token % 26));
}

struct Answer {
    std::string text;
    std::size_t generated = 0;
    Reason reason = Reason::none;
};

inline Answer reference(std::vector<Token> tokens, Salt salt, const Limits &limits, const std::vector<std::string> &stops,
                        std::size_t n_ctx) {
    Answer answer;
    TextFilter filter(stops);
    while (answer.reason == Reason::none) {
        const Token token = answer.generated < limits.max_tokens ? next_token(hash_of(tokens), salt) : end_token;
        if (token == end_token) {
            answer.reason = answer.generated < limits.max_tokens ? Reason::stop : Reason::length;
            break;
        }
        const std::size_t in_memory = tokens.size();
        tokens.push_back(token);
        ++answer.generated;
        filter.push(piece_of(token), answer.text);
        if (filter.stopped()) {
            answer.reason = Reason::stop;
        } else if (answer.generated >= limits.max_tokens || in_memory >= n_ctx) {
            answer.reason = Reason::length;
        }
    }
    filter.flush(answer.text);
    return answer;
}

}  // namespace cyllama
