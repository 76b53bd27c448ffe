// How likely the model itself finds tokens: softmax over the raw logits, before any sampler.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace cyllama {

struct Likelihood {
    std::int32_t token;
    float probability;
    std::string piece;  // its bytes
};

// Of one token, and of the `count` likeliest after it, the likeliest first and of equals the one with the lower id.
template <typename PieceOf>
std::vector<Likelihood> likelihoods(const float *logits, std::size_t n_vocab, std::int32_t chosen, std::size_t count,
                                    const PieceOf &piece_of) {
    const auto likelier = [logits](std::int32_t a, std::int32_t b) {
        return std::make_pair(-logits[a], a) < std::make_pair(-logits[b], b);
    };
    std::vector<std::int32_t> best;  // a heap, the least likely first
    const double most = *std::max_element(logits, logits + n_vocab);
    double sum = 0.0;
    for (std::size_t index = 0; index < n_vocab; ++index) {
        const auto token = static_cast<std::int32_t>(index);
        sum += std::exp(logits[index] - most);
        if (best.size() < count || (count > 0 && likelier(token, best.front()))) {
            if (best.size() == count) {
                std::pop_heap(best.begin(), best.end(), likelier);
                best.pop_back();
            }
            best.push_back(token);
            std::push_heap(best.begin(), best.end(), likelier);
        }
    }
    std::sort_heap(best.begin(), best.end(), likelier);
    best.insert(best.begin(), chosen);
    std::vector<Likelihood> found;
    for (const std::int32_t token : best) {
        found.push_back({token, static_cast<float>(std::exp(logits[token] - most) / sum), piece_of(token)});
    }
    return found;
}

// A generated token on its way to Python: its id, and behind it what was asked for beside it.
inline std::string packed(std::int32_t token, const std::vector<Likelihood> &likely) {
    std::string bytes;
    const auto put = [&bytes](const auto &value) { bytes.append(reinterpret_cast<const char *>(&value), sizeof value); };
    put(token);
    for (const Likelihood &each : likely) {
        put(each.token);
        put(each.probability);
        put(static_cast<std::uint32_t>(each.piece.size()));
        bytes += each.piece;
    }
    return bytes;
}

inline std::int32_t unpack(const std::string &bytes, std::vector<Likelihood> &likely) {
    const char *at = bytes.data();
    const auto take = [&at](auto value) {
        std::memcpy(&value, at, sizeof value);
        at += sizeof value;
        return value;
    };
    likely.clear();
    const auto token = take(std::int32_t{});
    while (at < bytes.data() + bytes.size()) {
        Likelihood each{take(std::int32_t{}), take(float{}), {}};
        each.piece.resize(take(std::uint32_t{}));
        std::memcpy(each.piece.data(), at, each.piece.size());
        at += each.piece.size();
        likely.push_back(std::move(each));
    }
    return token;
}

}  // namespace cyllama
