// How the next token of one answer is chosen: a chain of llama.cpp's samplers, and a grammar that has the last word.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "constraint.hpp"
#include "gbnf.hpp"
#include "llama.h"

namespace cyllama {

class Chooser {
  public:
    static constexpr llama_token nothing_follows = -1;

    // Owns the chain, which owns its links.
    explicit Chooser(llama_sampler *chain) : chain_(chain) {}
    Chooser(const Chooser &) = delete;
    Chooser &operator=(const Chooser &) = delete;
    ~Chooser() { llama_sampler_free(chain_); }

    llama_sampler *chain() noexcept { return chain_; }

    // Lets a grammar have the last word. Returns what is wrong with it, or nothing.
    std::string constrain(const std::shared_ptr<const Pieces> &pieces, std::string_view gbnf) {
        try {
            grammar_ = std::make_shared<const Grammar>(GbnfReader::read(gbnf));
            constraint_ = std::make_unique<Constraint>(pieces, grammar_);
        } catch (const GrammarError &error) {
            return error.what();
        }
        return {};
    }

    // Lets another one's grammar, if it has any, have the last word here too; it is not read again.
    void constrain_as(const Chooser &other, const std::shared_ptr<const Pieces> &pieces) {
        grammar_ = other.grammar_;
        constraint_ = grammar_ ? std::make_unique<Constraint>(pieces, grammar_) : nullptr;
    }

    // A token that the answer begins with. Returns why the grammar does not allow it, or nothing.
    std::string accept_answer(llama_token token) {
        try {
            if (constraint_) {
                constraint_->accept(token, [] { return false; });
            }
        } catch (const GrammarError &error) {
            return error.what();
        }
        return {};
    }

    llama_token choose(llama_context *ctx, std::int32_t index) {
        return choose(ctx, index, [] { return false; });
    }

    // Chooses and accepts the next token from the logits at an index of the batch, which must be there and be numbers;
    // `nothing_follows` where the grammar is at its end.
    //
    // As llama.cpp's common_sampler does it, the grammar is asked about the one token that the chain chooses, and only where it
    // refuses that about all others, from which the chain then chooses again.
    template <typename Asked>
    llama_token choose(llama_context *ctx, std::int32_t index, const Asked &interrupted) {
        if (!constraint_) {
            return llama_sampler_sample(chain_, ctx, index);
        }
        if (constraint_->over()) {
            return nothing_follows;
        }
        fill(llama_get_logits_ith(ctx, index), n_vocab(ctx));
        llama_token token = apply();
        if (!constraint_->allows(token, interrupted)) {
            constraint_->mark_allowed(allowed_, interrupted);
            fill(llama_get_logits_ith(ctx, index), n_vocab(ctx));
            keep_allowed();
            if (candidates_.empty()) {
                if (constraint_->complete()) {
                    return nothing_follows;
                }
                throw GrammarError("no token of this model goes on with the text as the grammar wants it");
            }
            token = apply();
        }
        llama_sampler_accept(chain_, token);
        constraint_->accept(token, interrupted);
        return token;
    }

  private:
    static std::int32_t n_vocab(const llama_context *ctx) {
        return llama_vocab_n_tokens(llama_model_get_vocab(llama_get_model(ctx)));
    }

    void fill(const float *logits, std::int32_t count) {
        candidates_.resize(static_cast<std::size_t>(count));
        for (llama_token token = 0; token < count; ++token) {
            candidates_[static_cast<std::size_t>(token)] = {token, logits[token], 0.0f};
        }
    }

    void keep_allowed() {
        const auto is_refused = [this](const llama_token_data &each) { return !allowed_[static_cast<std::size_t>(each.id)]; };
        candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(), is_refused), candidates_.end());
    }

    llama_token apply() {
        llama_token_data_array array{candidates_.data(), candidates_.size(), -1, false};
        llama_sampler_apply(chain_, &array);
        return array.data[array.selected].id;
    }

    llama_sampler *const chain_;
    std::shared_ptr<const Grammar> grammar_;
    std::unique_ptr<Constraint> constraint_;
    std::vector<llama_token_data> candidates_;
    std::vector<bool> allowed_;
};

}  // namespace cyllama
