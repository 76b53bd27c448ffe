// The scheduler's backend over a llama_context.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "backend.hpp"
#include "chooser.hpp"
#include "likelihood.hpp"
#include "llama.h"

namespace cyllama {

class LlamaBackend final : public Backend {
  public:
    // Borrows all; the context has been made for so many sequences. `person_asks` is asked too whether to abort, with `person`, and
    // sets `person_failed` where that failed.
    LlamaBackend(llama_context *ctx, const llama_model *model, bool (*person_asks)(void *), void *person,
                 std::atomic<bool> &person_failed)
        : ctx_(ctx), memory_(llama_get_memory(ctx)), vocab_(llama_model_get_vocab(model)),
          n_vocab_(llama_vocab_n_tokens(vocab_)), n_swa_(llama_model_n_swa(model)),
          keeps_state_(llama_model_is_recurrent(model) || llama_model_is_hybrid(model)), person_asks_(person_asks), person_(person),
          person_failed_(person_failed) {}

    // As a backend behaves that ignores the abort callback (CUDA, Metal, Vulkan); for tests.
    void ignore_abort() noexcept { polls_ = false; }

    std::size_t n_ctx() const noexcept override { return llama_n_ctx(ctx_); }
    std::size_t step_tokens() const noexcept override { return std::min(llama_n_ubatch(ctx_), llama_n_batch(ctx_)); }
    std::size_t n_sequences() const noexcept override { return llama_n_seq_max(ctx_); }

    bool can_truncate() const noexcept override { return !keeps_state_; }
    // Of a sliding window's tokens only the last are saved.
    bool can_truncate_restored() const noexcept override { return !keeps_state_ && n_swa_ == 0; }

    void set_abort(bool (*asked)(void *data), void *data) noexcept override {
        asked_ = asked;
        asked_data_ = data;
        llama_set_abort_callback(ctx_, should_abort, this);
    }

    Decoded decode(const std::vector<StepToken> &step, int n_threads, std::vector<SequenceId> &lost) override {
        llama_set_n_threads(ctx_, n_threads, n_threads);
        std::int32_t status = 0;
        try {
            if (keeps_state_) {
                snapshot(step);
            }
            status = llama_decode(ctx_, batch(step));
        } catch (const std::exception &thrown) {
            error_ = std::string("llama_decode failed: ") + thrown.what();
            return Decoded::failed;
        }
        if (status == 0) {
            return Decoded::done;
        }
        restore(step, lost);
        if (person_failed_.exchange(false)) {
            error_ = "the abort callback of its context raised an exception";
            return Decoded::raised;
        }
        if (status == 2) {
            return Decoded::aborted;
        }
        error_ = status == 1 ? "llama.cpp found no room in the context for these tokens"
                             : "llama_decode failed with " + std::to_string(status);
        return status == 1 ? Decoded::no_room : Decoded::failed;
    }

    std::string error() const override { return error_; }

    bool sample(Request &request, std::size_t index, Token &token) override {
        const auto at = static_cast<std::int32_t>(index);
        try {
            const float *const logits = llama_get_logits_ith(ctx_, at);
            if (logits == nullptr || has_nan(logits)) {
                error_ = "the model computed no numbers (NaN logits): its file is damaged, or an adapter's scale too large";
                return false;
            }
            const auto interrupted = [&] { return request.interruption() != Reason::none || asked_(asked_data_); };
            token = static_cast<Chooser *>(request.sampler)->choose(ctx_, at, interrupted);
            if (request.limits.n_likely >= 0 && !is_end(token)) {
                const auto count = std::min(static_cast<std::size_t>(request.limits.n_likely), static_cast<std::size_t>(n_vocab_));
                request.likely = likelihoods(logits, static_cast<std::size_t>(n_vocab_), token, count,
                                             [this](Token each) { return piece(each); });
            }
        } catch (const Interrupted &) {
            return false;
        } catch (const std::exception &thrown) {
            error_ = std::string("no token could be chosen: ") + thrown.what();
            return false;
        }
        return true;
    }

    bool is_end(Token token) const noexcept override { return token < 0 || llama_vocab_is_eog(vocab_, token); }

    std::string piece(Token token) const override { return piece_of(vocab_, token); }

    std::size_t truncate(SequenceId sequence, std::size_t length) override {
        // A recurrent state cannot be cut: then nothing happens and the answer is false.
        if (length > 0 && llama_memory_seq_rm(memory_, sequence, static_cast<llama_pos>(length), -1) &&
            window_reaches(sequence, length)) {
            return length;
        }
        llama_memory_seq_rm(memory_, sequence, -1, -1);  // of a whole sequence it cannot fail
        return 0;
    }

    void copy(SequenceId from, SequenceId to, std::size_t length) override {
        llama_memory_seq_cp(memory_, from, to, 0, static_cast<llama_pos>(length));
    }

    std::vector<std::uint8_t> save(SequenceId sequence) override {
        llama_synchronize(ctx_);
        try {
            std::vector<std::uint8_t> state(llama_state_seq_get_size(ctx_, sequence));
            state.resize(llama_state_seq_get_data(ctx_, state.data(), state.size(), sequence));
            return state;
        } catch (const std::exception &thrown) {  // no memory for it: then it is computed again
            error_ = thrown.what();
            return {};
        }
    }

    bool restore(SequenceId sequence, const std::vector<std::uint8_t> &state, std::size_t length) override {
        try {
            const std::size_t n_read = llama_state_seq_set_data(ctx_, state.data(), state.size(), sequence);
            if (n_read == state.size() && llama_memory_seq_pos_max(memory_, sequence) + 1 == static_cast<llama_pos>(length)) {
                return true;
            }
        } catch (const std::exception &thrown) {
            error_ = thrown.what();
        }
        truncate(sequence, 0);
        return false;
    }

  private:
    static constexpr llama_state_seq_flags partial = LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY;

    static bool should_abort(void *data) {
        const auto *self = static_cast<const LlamaBackend *>(data);
        return self->polls_ && (self->asked_(self->asked_data_) || self->person_asks_(self->person_));
    }

    llama_batch batch(const std::vector<StepToken> &step) {
        const std::size_t count = step.size();
        tokens_.resize(count);
        positions_.resize(count);
        sequences_.resize(count);
        lists_.resize(count);
        counts_.assign(count, 1);
        wanted_.resize(count);
        for (std::size_t index = 0; index < count; ++index) {
            tokens_[index] = step[index].token;
            positions_[index] = step[index].position;
            sequences_[index] = step[index].sequence;
            lists_[index] = &sequences_[index];
            wanted_[index] = step[index].wants_logits ? 1 : 0;
        }
        return {static_cast<std::int32_t>(count), tokens_.data(), nullptr,        positions_.data(),
                counts_.data(),                   lists_.data(),  wanted_.data()};
    }

    // Recurrent state cannot be taken back token by token, so it is kept from before the step. Such models have one sequence.
    void snapshot(const std::vector<StepToken> &step) {
        const SequenceId sequence = step.front().sequence;
        state_.resize(llama_state_seq_get_size_ext(ctx_, sequence, partial));
        state_.resize(llama_state_seq_get_data_ext(ctx_, state_.data(), state_.size(), sequence, partial));
    }

    // Brings memory back to where it was before the step: after an abort llama.cpp has done that for attention, and lies about
    // recurrent state.
    void restore(const std::vector<StepToken> &step, std::vector<SequenceId> &lost) {
        SequenceId last = -1;
        for (const StepToken &token : step) {
            if (token.sequence == last) {
                continue;  // its first token says where it began
            }
            last = token.sequence;
            const bool is_back = !keeps_state_ || token.position == 0 || restore_state(last);
            if (!is_back || !llama_memory_seq_rm(memory_, last, token.position, -1)) {
                llama_memory_seq_rm(memory_, last, -1, -1);
                lost.push_back(last);
            }
        }
    }

    bool restore_state(SequenceId sequence) {
        return !state_.empty() &&
               llama_state_seq_set_data_ext(ctx_, state_.data(), state_.size(), sequence, partial) == state_.size();
    }

    // Whether memory still holds what the tokens after `length` look back to through a sliding window.
    bool window_reaches(SequenceId sequence, std::size_t length) const noexcept {
        const llama_pos first = llama_memory_seq_pos_min(memory_, sequence);
        const llama_pos needed = static_cast<llama_pos>(length) - n_swa_ + 1;
        return n_swa_ == 0 || (first >= 0 && first <= std::max(needed, 0));
    }

    bool has_nan(const float *logits) const noexcept {
        std::int32_t count = 0;
        for (std::int32_t index = 0; index < n_vocab_; ++index) {
            count += logits[index] != logits[index] ? 1 : 0;
        }
        return count > 0;
    }

    llama_context *const ctx_;
    llama_memory_t const memory_;
    const llama_vocab *const vocab_;
    const std::int32_t n_vocab_;
    const std::int32_t n_swa_;
    const bool keeps_state_;
    bool (*const person_asks_)(void *);
    void *const person_;
    std::atomic<bool> &person_failed_;
    bool polls_ = true;
    bool (*asked_)(void *) = nullptr;
    void *asked_data_ = nullptr;
    std::string error_;
    std::vector<std::uint8_t> state_;

    // What the batch of the running step points to.
    std::vector<llama_token> tokens_;
    std::vector<llama_pos> positions_;
    std::vector<llama_seq_id> sequences_;
    std::vector<llama_seq_id *> lists_;
    std::vector<std::int32_t> counts_;
    std::vector<std::int8_t> wanted_;
};

}  // namespace cyllama
