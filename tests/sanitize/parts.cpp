// What threads share outside the scheduler: the cancel flags, the log ring, the text of a request and the right to end it.
// `parts FIRST_SEED N_ROUNDS`.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "log_ring.hpp"
#include "reference.hpp"
#include "request.hpp"
#include "text_log.hpp"

namespace cyllama {
namespace {

using Random = std::mt19937_64;

class Silent final : public Notifier {
  public:
    void notify() noexcept override {}
};

template <typename Function>
std::vector<std::thread> start(std::size_t count, Function function) {
    std::vector<std::thread> threads;
    for (std::size_t index = 0; index < count; ++index) {
        threads.emplace_back([function, index] { function(index); });
    }
    return threads;
}

void join(std::vector<std::thread> threads) {
    for (std::thread &thread : threads) {
        thread.join();
    }
}

// Each thread's own cancel hits its own call, whatever the others do; nobody cancels after the last call, which stays.
void test_scope() {
    CancelScope scope;
    join(start(4, [&scope](std::size_t) {
        for (int count = 0; count < 200; ++count) {
            CancelToken token;
            token.bind(&scope);
            scope.cancel();
            require(token.cancelled(), "a cancel missed a call that was made before it");
        }
    }));
    CancelToken last;
    last.bind(&scope);
    require(!last.cancelled() && !scope.requested(), "a cancel hit a call that was made after it");
}

// Every line arrives whole and once, in its thread's order, or is counted as dropped.
void test_log_ring(Random random) {
    constexpr std::size_t n_threads = 3, n_lines = 900;
    const auto ring = std::make_unique<LogRing>();
    const std::size_t padding = random() % 1800;
    std::atomic<std::size_t> n_done{0};
    auto threads = start(n_threads, [&](std::size_t thread) {
        for (std::size_t line = 0; line < n_lines; ++line) {
            ring->push(static_cast<int>(thread), (std::to_string(line) + ' ' + std::string(padding, 'x')).c_str());
        }
        ++n_done;
    });
    std::size_t next[n_threads] = {}, n_read = 0;
    std::string whole;  // the line whose parts come
    int thread = -1;
    const auto check = [&] {
        if (thread < 0) {
            return;
        }
        const std::size_t line = std::stoul(whole);
        require(whole == std::to_string(line) + ' ' + std::string(padding, 'x'), "a line was torn");
        require(line >= next[thread], "lines of a thread changed places");
        next[thread] = line + 1;
        ++n_read;
    };
    char text[LogRing::part_bytes];
    int level = 0;
    for (bool last = false; !last;) {
        last = n_done == n_threads;
        for (std::ptrdiff_t length; (length = ring->pop(&level, text)) >= 0;) {
            if (level != LogRing::continuation) {
                check();
                whole.clear();
                thread = level;
            }
            whole.append(text, static_cast<std::size_t>(length));
        }
    }
    check();
    join(std::move(threads));
    require(n_read + ring->take_dropped() == n_threads * n_lines, "a line was lost and not counted");
}

// Text of all lengths, over the borders of its chunks.
void test_text_log(Random random) {
    TextLog log;
    std::vector<std::string> written;
    for (std::size_t count = 0; count < 300; ++count) {
        const std::size_t length = random() % 50 == 0 ? random() % 10'000 : random() % 40;
        written.emplace_back(length, static_cast<char>('a' + count % 26));
    }
    std::thread writer([&] {
        for (const std::string &piece : written) {
            log.append(piece);
        }
    });
    std::vector<std::string> read;
    while (read.size() < written.size()) {
        log.read(read);
    }
    writer.join();
    require(read == written, "the text changed on its way");
}

// However many want to end a request, one does, and everybody sees all of it.
void test_claim() {
    CancelScope scope;
    CancelToken token;
    token.bind(&scope);
    Silent silent;
    Request request({1, 2, 3}, {}, {}, &token, nullptr, &silent, &silent);
    std::atomic<int> n_ended{0};
    auto threads = start(3, [&](std::size_t thread) {
        if (thread == 0 && request.claim()) {
            request.start(0);
            request.start_decoding();
            request.count_token(7, {});
            request.push("text");
            request.finish(Reason::stop);
            ++n_ended;
        } else if (thread > 0) {
            scope.cancel();
            n_ended += request.settle() ? 1 : 0;
        }
    });
    std::vector<std::string> pieces;
    while (!request.done()) {
        request.text.read(pieces);
    }
    request.text.read(pieces);
    const bool stopped = request.reason() == Reason::stop;
    require(stopped || request.reason() == Reason::cancelled, "it ended for another reason");
    require(pieces.size() == (stopped ? 1 : 0) && request.generated() == pieces.size(), "its text is not that of its end");
    require(request.total_seconds() >= 0.0, "it ended before it began");
    join(std::move(threads));
    require(n_ended == 1, "it ended twice");
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
        test_scope();
        test_log_ring(Random(seed));
        test_text_log(Random(seed));
        test_claim();
    }
    std::printf("%llu rounds\n", n_rounds);
    return 0;
}
