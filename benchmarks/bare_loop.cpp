// The limit of what an engine can reach: libllama in a loop of decode and greedy choice, with nothing around it.
//
//     bare_loop MODEL N_CTX N_BATCH N_UBATCH N_THREADS N_THREADS_BATCH N_PARALLEL
//
// Answers each line `MODE TOKENS PROMPT` with a line of JSON, as benchmarks/drivers/protocol.py does. MODE `parallel`
// generates N_PARALLEL sequences, one token of each in a batch; any other one sequence.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "llama.h"

namespace {

[[noreturn]] void fail(const char * message) {
    std::fprintf(stderr, "%s\n", message);
    std::exit(1);
}

class Loop {
  public:
    Loop(const char * path, const std::vector<int> & settings) {
        model_ = llama_model_load_from_file(path, llama_model_default_params());
        if (model_ == nullptr) fail("the model could not be loaded");
        vocab_ = llama_model_get_vocab(model_);

        llama_context_params params = llama_context_default_params();
        params.n_ctx = settings[0];
        params.n_batch = settings[1];
        params.n_ubatch = settings[2];
        params.n_threads = settings[3];
        params.n_threads_batch = settings[4];
        params.n_seq_max = settings[5];
        params.kv_unified = settings[5] > 1;
        params.flash_attn_type = settings[6] ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
        params.no_perf = true;
        context_ = llama_init_from_model(model_, params);
        if (context_ == nullptr) fail("the context could not be made");

        sampler_ = llama_sampler_chain_init(llama_sampler_chain_default_params());
        llama_sampler_chain_add(sampler_, llama_sampler_init_greedy());
        n_batch_ = settings[1];
        n_parallel_ = settings[5];
        batch_ = llama_batch_init(std::max(n_batch_, n_parallel_), 0, 1);
        next_.resize(n_parallel_);
    }

    ~Loop() {
        llama_batch_free(batch_);
        llama_sampler_free(sampler_);
        llama_free(context_);
        llama_model_free(model_);
    }

    int n_parallel() const { return n_parallel_; }

    std::vector<llama_token> tokenize(const std::string & text) const {
        std::vector<llama_token> tokens(text.size() + 8);
        const int length = llama_tokenize(vocab_, text.data(), text.size(), tokens.data(), tokens.size(), true, true);
        if (length <= 0) fail("the prompt could not be tokenized");
        tokens.resize(length);
        return tokens;
    }

    // Returns how many tokens each sequence got: fewer than asked for where one ended its answer.
    int generate(const std::vector<llama_token> & prompt, int n_tokens, int n_sequences) {
        llama_memory_clear(llama_get_memory(context_), true);
        const int n_prompt = prompt.size();
        for (int sequence = 0; sequence < n_sequences; ++sequence) {
            for (int position = 0; position < n_prompt; ++position) {
                add(prompt[position], position, sequence, position == n_prompt - 1);
            }
        }
        flush();
        for (int generated = 1; generated < n_tokens; ++generated) {
            for (int sequence = 0; sequence < n_sequences; ++sequence) {
                if (llama_vocab_is_eog(vocab_, next_[sequence])) return generated - 1;
                add(next_[sequence], n_prompt + generated - 1, sequence, true);
            }
            flush();
        }
        return n_tokens;
    }

  private:
    void add(llama_token token, llama_pos position, llama_seq_id sequence, bool wants_logits) {
        if (batch_.n_tokens == n_batch_) flush();
        const int index = batch_.n_tokens++;
        batch_.token[index] = token;
        batch_.pos[index] = position;
        batch_.n_seq_id[index] = 1;
        batch_.seq_id[index][0] = sequence;
        batch_.logits[index] = wants_logits;
    }

    // Decodes what is in the batch, and chooses the next token of every sequence that has its logits in it.
    void flush() {
        if (llama_decode(context_, batch_) != 0) fail("llama_decode failed");
        for (int index = 0; index < batch_.n_tokens; ++index) {
            if (batch_.logits[index]) next_[batch_.seq_id[index][0]] = llama_sampler_sample(sampler_, context_, index);
        }
        batch_.n_tokens = 0;
    }

    llama_model * model_;      // owned
    llama_context * context_;  // owned
    llama_sampler * sampler_;  // owned
    const llama_vocab * vocab_;
    llama_batch batch_;  // owned
    int n_batch_;
    int n_parallel_;
    std::vector<llama_token> next_;
};

void serve(Loop & loop) {
    std::printf("{\"ready\": true}\n");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::string mode, prompt;
        int n_tokens = 0;
        words >> mode >> n_tokens;
        words.get();
        std::getline(words, prompt);
        const auto started = std::chrono::steady_clock::now();
        const std::vector<llama_token> tokens = loop.tokenize(prompt);
        const int generated = loop.generate(tokens, n_tokens, mode == "parallel" ? loop.n_parallel() : 1);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
        std::printf("{\"prompt_tokens\": %zu, \"tokens\": %d, \"seconds\": %.9f}\n", tokens.size(), generated,
                    took.count());
        std::fflush(stdout);
    }
}

}  // namespace

int main(int argc, char ** argv) {
    if (argc != 9) fail("usage: bare_loop MODEL N_CTX N_BATCH N_UBATCH N_THREADS N_THREADS_BATCH N_PARALLEL FLASH_ATTN");
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    llama_backend_init();
    std::vector<int> settings;
    for (int index = 2; index < argc; ++index) settings.push_back(std::atoi(argv[index]));
    Loop loop(argv[1], settings);
    serve(loop);
}
