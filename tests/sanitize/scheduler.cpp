// Rounds of a scheduler under several clients that submit, cancel, read, send errands and stop: `scheduler FIRST_SEED N_ROUNDS`.
//
// Everything random comes from the seed of the round, except for what the threads' order decides. A round that breaks names its
// seed; one that hangs is ended by SIGALRM.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "world.hpp"

namespace cyllama {
namespace {

constexpr unsigned most_seconds = 240;  // of one round, which takes milliseconds

unsigned long long current_seed = 0;
std::atomic<std::size_t> n_by_reason[8];
std::atomic<std::size_t> n_refused{0}, n_reused{0};

class Dice {
  public:
    explicit Dice(std::uint64_t seed) : random_(seed) {}
    std::size_t below(std::size_t bound) { return random_() % bound; }
    bool one_in(std::size_t chances) { return below(chances) == 0; }
    std::size_t one_of(std::initializer_list<std::size_t> choices) { return *(choices.begin() + below(choices.size())); }

  private:
    std::mt19937_64 random_;
};

// Prompts begin alike, in a few ways and to many lengths, so that sequences are copied, kept and come back to.
std::vector<Token> make_prompt(Dice &dice, std::size_t n_cells) {
    Dice family(dice.below(3));
    const std::size_t n_shared = dice.below(std::min<std::size_t>(n_cells - 20, 260));
    std::vector<Token> prompt;
    for (std::size_t index = 0; index < n_shared; ++index) {
        prompt.push_back(static_cast<Token>(family.below(n_tokens)));
    }
    for (std::size_t count = 1 + dice.below(dice.one_in(3) ? 19 : 3); count > 0; --count) {
        prompt.push_back(static_cast<Token>(dice.below(n_tokens)));
    }
    return prompt;
}

std::shared_ptr<Call> make_call(Dice &dice, std::size_t n_cells) {
    Limits limits;
    limits.max_tokens = dice.one_of({0, 1, 5, 20, 60, 1000});
    limits.n_threads = static_cast<int>(dice.below(3));
    limits.n_threads_batch = static_cast<int>(dice.below(3));
    limits.timeout = dice.one_in(8) ? 1e-5 * static_cast<double>(1 + dice.below(500)) : 0.0;
    std::vector<std::string> stops;
    if (dice.one_in(3)) {
        stops = {"the", std::string(1, static_cast<char>('a' + dice.below(26))) + "the ", "\xC3\xA9"};
    }
    return std::make_shared<Call>(make_prompt(dice, n_cells), limits, stops, dice.below(4));
}

// One call, or several answers to one prompt, which are taken in together.
std::vector<std::shared_ptr<Call>> make_calls(Dice &dice, std::size_t n_cells) {
    std::vector<std::shared_ptr<Call>> calls{make_call(dice, n_cells)};
    const Call &first = *calls.front();
    for (std::size_t count = dice.one_in(4) ? 1 + dice.below(5) : 0; count > 0; --count) {
        calls.push_back(std::make_shared<Call>(first.prompt, first.request.limits, first.stops, first.sampler.salt + calls.size()));
    }
    return calls;
}

class Client {
  public:
    Client(World &world, std::size_t n_cells, std::size_t n_calls, std::uint64_t seed)
        : world_(world), n_cells_(n_cells), n_calls_(n_calls), dice_(seed) {}

    void run() {
        for (std::size_t count = 0; count < n_calls_; ++count) {
            const std::vector<std::shared_ptr<Call>> calls = make_calls(dice_, n_cells_);
            if (dice_.one_in(20)) {
                world_.cancel(*calls.back());
            }
            const Submitted answer = world_.submit(calls);
            if (answer == Submitted::stopped) {
                break;
            }
            if (answer == Submitted::queued) {
                mine_.insert(mine_.end(), calls.begin(), calls.end());
                disturb(*calls[dice_.below(calls.size())]);
            } else {
                ++n_refused;
            }
            while (mine_.size() > 3) {
                finish_one();
            }
            if (answer == Submitted::busy && !mine_.empty()) {
                finish_one();
            }
        }
        while (!mine_.empty()) {
            finish_one();
        }
    }

  private:
    void disturb(Call &call) {
        switch (dice_.below(12)) {
        case 0:
            world_.cancel(call);
            break;
        case 1:
            read_some(call, 1 + dice_.below(10));
            world_.cancel(call);
            break;
        case 2:
            if (const auto other = world_.pick(dice_.below(64))) {
                world_.cancel(*other);
            }
            break;
        case 3:
            if (dice_.one_in(4)) {
                world_.cancel_all();
            }
            break;
        case 4:
            if (dice_.one_in(4)) {
                world_.cancel_running();
            }
            break;
        case 5:
            call.request.settle();  // as whoever waits for it does
            break;
        default:
            break;
        }
    }

    static void read(Call &call) {
        std::vector<std::string> pieces;
        call.request.text.read(pieces);
        for (const std::string &piece : pieces) {
            call.text += piece;
        }
    }

    static void read_some(Call &call, std::size_t count) {
        for (; count > 0 && !call.request.done(); --count) {
            call.progressed.wait();
            read(call);
        }
        call.progressed.notify();  // the one taken may have told of the end
    }

    void finish_one() {
        const std::size_t index = dice_.below(mine_.size());
        const std::shared_ptr<Call> call = mine_[index];
        mine_.erase(mine_.begin() + static_cast<std::ptrdiff_t>(index));
        if (dice_.one_in(2)) {
            while (!call->request.done()) {
                call->progressed.wait();
                read(*call);
            }
        }
        while (!call->request.done()) {
            call->finished.wait();
        }
        read(*call);
        while (call->n_handed_back == 0) {
            call->handed_back.wait();
        }
        world_.check(*call);
        ++n_by_reason[static_cast<int>(call->request.reason())];
        n_reused += call->request.reused();
    }

    World &world_;
    const std::size_t n_cells_;
    const std::size_t n_calls_;
    Dice dice_;
    std::vector<std::shared_ptr<Call>> mine_;
};

// Takes what lies in memory out, and puts it back later.
void run_errands(World &world, Dice dice, const std::atomic<bool> &over) {
    std::vector<Stash::Entry> saved;
    while (!over) {
        SaveErrand save;
        RestoreErrand restore;
        restore.to_restore = saved;
        if (!world.send(dice.one_in(2) ? static_cast<Errand &>(save) : restore)) {
            return;
        }
        if (!save.saved.empty()) {
            saved = std::move(save.saved);
        }
    }
}

FakeShape make_shape(Dice &dice) {
    FakeShape shape{};
    shape.n_sequences = dice.one_of({1, 4});
    shape.n_cells = dice.one_of({80, 300, 600, 2000});
    shape.step_tokens = dice.one_of({8, 32, 128});
    shape.mishaps = dice.one_in(3) ? 0.05 : 0.0;
    shape.failures = dice.one_in(4) ? 0.002 : 0.0;
    shape.breakdowns = dice.one_in(10) ? 0.002 : 0.0;
    shape.ignores_abort = dice.one_in(4);
    shape.is_recurrent = dice.one_in(6);
    return shape;
}

void run_round(std::uint64_t seed) {
    Dice dice(seed);
    const FakeShape shape = make_shape(dice);
    World world(shape, dice.one_of({0, 2, 64}), dice.one_of({0, 5'000, 1'000'000}), seed);
    std::vector<std::thread> threads;
    for (std::size_t count = 0; count < 3; ++count) {
        threads.emplace_back([&world, &shape, seed, count] { Client(world, shape.n_cells, 12, 3 * seed + count).run(); });
    }
    if (dice.one_in(4)) {  // in the middle of everything
        threads.emplace_back([&world, n_looks = dice.below(20'000), cancels = dice.one_in(2)] {
            for (std::size_t look = 0; look < n_looks; ++look) {
                world.pick(look);
            }
            if (cancels) {
                world.cancel_all();
            }
            world.stop();
        });
    }
    std::atomic<bool> over{false};
    std::thread errands([&world, &over, seed] { run_errands(world, Dice(seed), over); });
    for (std::thread &thread : threads) {
        thread.join();
    }
    over = true;
    errands.join();
}

void tell_of_hang(int) {
    char line[64];
    const int length = std::snprintf(line, sizeof line, "hung: seed %llu\n", current_seed);
    [[maybe_unused]] const auto written = write(STDERR_FILENO, line, static_cast<std::size_t>(length));
    std::abort();
}

void tell_of_crash(int) {
    char line[64];
    const int length = std::snprintf(line, sizeof line, "seed %llu\n", current_seed);
    [[maybe_unused]] const auto written = write(STDERR_FILENO, line, static_cast<std::size_t>(length));
    std::signal(SIGABRT, SIG_DFL);
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
    std::signal(SIGALRM, tell_of_hang);
    std::signal(SIGABRT, tell_of_crash);
    for (current_seed = first; current_seed < first + n_rounds; ++current_seed) {
        alarm(most_seconds);
        run_round(current_seed);
    }
    std::printf("%llu rounds:", n_rounds);
    const char *const names[] = {"none", "stop", "length", "cancelled", "timeout", "failed", "closed"};
    for (std::size_t reason = 1; reason < 7; ++reason) {
        std::printf(" %zu %s,", n_by_reason[reason].load(), names[reason]);
    }
    std::printf(" %zu refused, %zu tokens reused\n", n_refused.load(), n_reused.load());
    return 0;
}
