// Several answers to one prompt on an engine that does nothing else, again and again: `samples FIRST_SEED N_ROUNDS`.
//
// An answer's last bits depend on where in the context its tokens lie, and on whether they are computed alone. Both have to be the
// same each time, whether the prompt has to be read, lies in memory, or comes from the stash, and whatever was asked between.

#include <cstdio>
#include <cstdlib>
#include <random>

#include "world.hpp"

namespace cyllama {
namespace {

using Random = std::mt19937_64;

struct Outcome {
    std::string text;
    std::uint64_t places;
    bool operator==(const Outcome &other) const { return text == other.text && places == other.places; }
};

std::vector<Outcome> sample(World &world, const std::vector<Token> &prompt, std::size_t n) {
    Limits limits;
    limits.max_tokens = 30;
    std::vector<std::shared_ptr<Call>> calls;
    for (std::size_t index = 0; index < n; ++index) {
        calls.push_back(std::make_shared<Call>(prompt, limits, std::vector<std::string>(), index));
    }
    require(world.submit(calls) == Submitted::queued, "an idle engine had no place");
    std::vector<Outcome> outcomes;
    for (const auto &call : calls) {
        while (call->n_handed_back == 0) {
            call->handed_back.wait();
        }
        std::vector<std::string> pieces;
        call->request.text.read(pieces);
        for (const std::string &piece : pieces) {
            call->text += piece;
        }
        world.check(*call);
        outcomes.push_back({call->text, call->sampler.places});
    }
    require(world.n_open() == 0, "what has ended is counted as open");
    return outcomes;
}

std::vector<Token> make_prompt(Random &random, std::vector<Token> begin) {
    for (std::size_t count = 1 + random() % (random() % 2 == 0 ? 5 : 300); count > 0; --count) {
        begin.push_back(static_cast<Token>(random() % n_tokens));
    }
    return begin;
}

void run_round(std::uint64_t seed) {
    Random random(seed);
    FakeShape shape{};
    shape.n_cells = 4000;  // room for all: who has to give up its place depends on what lies idle
    shape.n_sequences = 4;
    shape.step_tokens = std::size_t{8} << random() % 5;
    World world(shape, 64, 10'000'000, seed);
    const std::vector<Token> prompt = make_prompt(random, {});
    const std::size_t n = 1 + random() % 6;
    const std::vector<Outcome> first = sample(world, prompt, n);
    for (std::size_t count = 0; count < 5; ++count) {
        if (random() % 2 == 0) {  // a question that begins alike
            const std::size_t n_shared = random() % 2 == 0 ? prompt.size() - random() % std::min<std::size_t>(prompt.size(), 5) : 0;
            const std::vector<Token> begin(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(n_shared));
            sample(world, make_prompt(random, begin), 1 + random() % 6);
        }
        require(sample(world, prompt, n) == first, "several answers to one prompt were computed in another way than before");
    }
}

}  // namespace
}  // namespace cyllama

int main(int count, char **arguments) {
    using namespace cyllama;
    if (count != 3) {
        std::fprintf(stderr, "usage: %s FIRST_SEED N_ROUNDS\n", arguments[0]);
        return 2;
    }
    const unsigned long long first = std::strtoull(arguments[1], nullptr, 10);
    const unsigned long long n_rounds = std::strtoull(arguments[2], nullptr, 10);
    for (unsigned long long seed = first; seed < first + n_rounds; ++seed) {
        run_round(seed);
    }
    std::printf("%llu rounds\n", n_rounds);
    return 0;
}
