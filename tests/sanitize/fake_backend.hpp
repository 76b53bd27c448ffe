// A backend that computes nothing and checks everything: what the scheduler believes to be in memory has to be there, or the text
// goes wrong.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backend.hpp"
#include "reference.hpp"

namespace cyllama {

struct FakeShape {
    std::size_t n_cells;
    std::size_t n_sequences;
    std::size_t step_tokens;
    double mishaps;        // how often what may fail without harm does so, 0 to 1
    double failures;       // how often a decode or a sample fails
    double breakdowns;     // how often a decode or a save throws
    bool ignores_abort;    // as a backend on a GPU
    bool is_recurrent;     // its sequences cannot be cut
};

class FakeBackend final : public Backend {
  public:
    FakeBackend(const FakeShape &shape, std::uint64_t seed)
        : shape_(shape), random_(seed), cells_(shape.n_cells), held_(shape.n_sequences) {}

    std::size_t n_ctx() const noexcept override { return shape_.n_cells; }
    std::size_t step_tokens() const noexcept override { return shape_.step_tokens; }
    std::size_t n_sequences() const noexcept override { return shape_.n_sequences; }
    bool can_truncate() const noexcept override { return !shape_.is_recurrent; }

    void set_abort(bool (*asked)(void *data), void *data) noexcept override {
        asked_ = asked;
        data_ = data;
    }

    Decoded decode(const std::vector<StepToken> &step, int n_threads, std::vector<SequenceId> &lost) override {
        require(!step.empty() && step.size() <= shape_.step_tokens, "a step is empty or too long");
        require(n_threads > 0, "no threads");
        hashes_.clear();
        places_.clear();
        check_positions(step);
        break_down();
        if (n_used() + step.size() > cells_.size()) {
            error_ = "no room";
            return undo(Decoded::no_room, step, lost);
        }
        if (was_aborted(step.size())) {
            return undo(Decoded::aborted, step, lost);
        }
        if (happens(shape_.failures)) {
            error_ = "made to fail";
            return undo(Decoded::failed, step, lost);
        }
        for (const StepToken &each : step) {
            append(each.sequence, each.token);
            hashes_.push_back(each.wants_logits ? hash_of(tokens_of(each.sequence)) : 0);
            places_.push_back(each.wants_logits ? place_of(each.sequence, step.size()) : 0);
        }
        return Decoded::done;
    }

    std::string error() const override { return error_; }

    bool sample(Request &request, std::size_t index, Token &token) override {
        require(index < hashes_.size() && hashes_[index] != 0, "sampled where there are no logits");
        if (happens(shape_.failures)) {
            error_ = "made to fail";
            return false;
        }
        if (is_interrupted_in_choice(request)) {
            return false;
        }
        FakeSampler &sampler = *static_cast<FakeSampler *>(request.sampler);
        token = next_token(hashes_[index], sampler.salt);
        sampler.places = mix(sampler.places + places_[index]);
        return true;
    }

    bool is_end(Token token) const noexcept override { return token == end_token; }
    std::string piece(Token token) const override { return piece_of(token); }

    std::size_t truncate(SequenceId sequence, std::size_t length) override {
        std::vector<std::size_t> &cells = held(sequence);
        require(length <= cells.size(), "truncated to more than there is");
        const bool stays = length == cells.size() || !shape_.is_recurrent;
        const std::size_t kept = stays && !happens(shape_.mishaps) ? length : 0;
        for (std::size_t index = kept; index < cells.size(); ++index) {
            --cells_[cells[index]].n_users;
        }
        cells.resize(kept);
        return kept;
    }

    void copy(SequenceId from, SequenceId to, std::size_t length) override {
        require(from != to && held(to).empty() && length <= held(from).size(), "copied to where something lies");
        require(!shape_.is_recurrent || length == held(from).size(), "copied a part of what cannot be cut");
        held(to).assign(held(from).begin(), held(from).begin() + static_cast<std::ptrdiff_t>(length));
        for (const std::size_t cell : held(to)) {
            ++cells_[cell].n_users;
        }
    }

    std::vector<std::uint8_t> save(SequenceId sequence) override {
        break_down();
        const std::vector<Token> tokens = happens(shape_.mishaps) ? std::vector<Token>() : tokens_of(sequence);
        std::vector<std::uint8_t> state(tokens.size() * sizeof(Token));
        if (!state.empty()) {
            std::memcpy(state.data(), tokens.data(), state.size());
        }
        return state;
    }

    bool restore(SequenceId sequence, const std::vector<std::uint8_t> &state, std::size_t length) override {
        require(held(sequence).empty(), "restored to where something lies");
        std::vector<Token> tokens(state.size() / sizeof(Token));
        require(tokens.size() == length, "restored to another length");
        if (n_used() + tokens.size() > cells_.size() || happens(shape_.mishaps)) {
            return false;
        }
        std::memcpy(tokens.data(), state.data(), state.size());
        for (const Token token : tokens) {
            append(sequence, token);
        }
        return true;
    }

  private:
    struct Cell {
        Token token = 0;
        std::size_t n_users = 0;  // sequences that share it
    };

    bool happens(double probability) {
        return probability > 0.0 && std::uniform_real_distribution<>(0.0, 1.0)(random_) < probability;
    }

    void break_down() {
        if (happens(shape_.breakdowns)) {
            throw std::bad_alloc();
        }
    }

    std::vector<std::size_t> &held(SequenceId sequence) { return held_.at(static_cast<std::size_t>(sequence)); }

    std::size_t n_used() const {
        return static_cast<std::size_t>(
            std::count_if(cells_.begin(), cells_.end(), [](const Cell &cell) { return cell.n_users > 0; }));
    }

    std::vector<Token> tokens_of(SequenceId sequence) {
        std::vector<Token> tokens;
        for (const std::size_t cell : held(sequence)) {
            tokens.push_back(cells_[cell].token);
        }
        return tokens;
    }

    std::uint64_t place_of(SequenceId sequence, std::size_t n_step) {
        std::uint64_t hash = n_step > 1 ? 1 : 0;
        for (const std::size_t cell : held(sequence)) {
            hash = mix(hash + cell + 1);
        }
        return hash;
    }

    void append(SequenceId sequence, Token token) {
        const auto free = std::find_if(cells_.begin(), cells_.end(), [](const Cell &cell) { return cell.n_users == 0; });
        *free = {token, 1};
        held(sequence).push_back(static_cast<std::size_t>(free - cells_.begin()));
    }

    void check_positions(const std::vector<StepToken> &step) {
        std::vector<std::size_t> next;
        for (const auto &cells : held_) {
            next.push_back(cells.size());
        }
        for (const StepToken &each : step) {
            require(static_cast<std::size_t>(each.position) == next.at(static_cast<std::size_t>(each.sequence))++,
                    "a token's position is not the next of its sequence");
        }
    }

    // As ggml does after every node of the graph.
    bool was_aborted(std::size_t n_step) {
        const std::size_t n_polls = 4 + 4 * n_step;
        bool asked = false;
        for (std::size_t poll = 0; poll < n_polls && !asked; ++poll) {
            asked = asked_(data_) && !shape_.ignores_abort;
        }
        return asked;
    }

    // As under a grammar, where a choice may take long; now and then, for the others' sake.
    bool is_interrupted_in_choice(const Request &request) {
        const std::size_t n_polls = happens(shape_.mishaps) ? 200 : 0;
        bool asked = false;
        for (std::size_t poll = 0; poll < n_polls && !asked; ++poll) {
            asked = asked_(data_) || request.interruption() != Reason::none;
        }
        return asked;
    }

    Decoded undo(Decoded what, const std::vector<StepToken> &step, std::vector<SequenceId> &lost) {
        if (happens(shape_.mishaps)) {
            lost.push_back(step.front().sequence);
            for (const std::size_t cell : held(lost.back())) {
                --cells_[cell].n_users;
            }
            held(lost.back()).clear();
        }
        return what;
    }

    const FakeShape shape_;
    std::mt19937_64 random_;
    std::vector<Cell> cells_;
    std::vector<std::vector<std::size_t>> held_;  // the cells of each sequence
    std::vector<std::uint64_t> hashes_;           // of the last step: what `sample` is told at each token
    std::vector<std::uint64_t> places_;           // and where each lay
    std::string error_;
    bool (*asked_)(void *) = nullptr;
    void *data_ = nullptr;
};

}  // namespace cyllama
