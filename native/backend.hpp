// What the scheduler needs of an inference library: llama.cpp (llama_backend.hpp), or a fake in its tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "request.hpp"

namespace cyllama {

using SequenceId = std::int32_t;

// One token of a step.
struct StepToken {
    Token token;
    std::int32_t position;
    SequenceId sequence;
    bool wants_logits;
};

// raised: the person's own abort callback did.
enum class Decoded { done, no_room, aborted, failed, raised };

// Called by one thread alone.
class Backend {
  public:
    virtual ~Backend() = default;

    virtual std::size_t n_ctx() const noexcept = 0;        // tokens in memory, over all sequences
    virtual std::size_t step_tokens() const noexcept = 0;  // the most tokens of one step
    virtual std::size_t n_sequences() const noexcept = 0;

    // Whether a part of a sequence can be kept: a recurrent state can only be gone on from.
    virtual bool can_truncate() const noexcept { return true; }

    // Asked for during `decode` whether to abort it; `data` is passed on.
    virtual void set_abort(bool (*asked)(void *data), void *data) noexcept = 0;

    // Computes a step. After anything but `done` no token of it is in memory, and there are no logits; `lost` then names
    // sequences that could not be brought back to where they were, which are empty now.
    virtual Decoded decode(const std::vector<StepToken> &step, int n_threads, std::vector<SequenceId> &lost) = 0;
    // What the last `failed` was about.
    virtual std::string error() const = 0;

    // Chooses a request's next token from the logits of the step's token at `index`. False: it was interrupted, or `error()` says
    // why there is none.
    virtual bool sample(Request &request, std::size_t index, Token &token) = 0;
    virtual bool is_end(Token token) const noexcept = 0;
    virtual std::string piece(Token token) const = 0;

    // Keeps the first `length` tokens of a sequence and forgets the rest; returns how many really stay, 0 where that cannot be done.
    virtual std::size_t truncate(SequenceId sequence, std::size_t length) = 0;
    // Makes the first `length` tokens of one sequence those of another, which is empty.
    virtual void copy(SequenceId from, SequenceId to, std::size_t length) = 0;

    // A sequence's memory as bytes, and back, to so many tokens; empty, or false, where it fails.
    virtual std::vector<std::uint8_t> save(SequenceId sequence) = 0;
    virtual bool restore(SequenceId sequence, const std::vector<std::uint8_t> &state, std::size_t length) = 0;
    // Whether a sequence that was restored can be truncated.
    virtual bool can_truncate_restored() const noexcept { return can_truncate(); }
};

}  // namespace cyllama
