// How many cores the rest of the machine leaves to the engine, as Linux counts their time.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#ifdef __linux__
#include <array>
#include <charconv>
#include <cstdint>
#include <fcntl.h>
#include <numeric>
#include <sched.h>
#include <string_view>
#include <system_error>
#include <time.h>
#include <unistd.h>
#endif

namespace cyllama {

class LoadMeter {
  public:
    static constexpr double unknown = -1.0;

    // stat: where Linux tells what each core did (proc_stat(5)).
    explicit LoadMeter(std::string stat = "/proc/stat") : stat_(std::move(stat)) {}

    // Begins to count anew: what was counted is of a time that tells nothing of now.
    void restart() noexcept { last_ = read(Clock::now()); }

    // Cores that were left to the engine since the last look, of those that it may run on: nothing while that is too short a time,
    // `unknown` where the system does not tell. What the main thread computes is not the engine's, the rest of this process is.
    std::optional<double> look() noexcept {
        const Clock::time_point now = Clock::now();
        const double elapsed = std::chrono::duration<double>(now - last_.at).count();
        if (elapsed < shortest) {
            return std::nullopt;
        }
        const Reading before = std::exchange(last_, read(now));
        return free_between(before, last_, elapsed);
    }

  private:
    using Clock = std::chrono::steady_clock;

    static constexpr double shortest = 0.25;  // seconds; the system counts in hundredths

    // Seconds since the machine started, of all the cores that the engine may run on together; no cores where they cannot be read.
    struct Reading {
        Clock::time_point at{};
        int n_cores = 0;
        double busy = 0;
        double idle = 0;
        double engine = 0;  // of this process, without its main thread
    };

    static double free_between(const Reading &before, const Reading &after, double elapsed) noexcept {
        const double busy = after.busy - before.busy;
        const double counted = busy + after.idle - before.idle;
        const double cores = after.n_cores;
        if (after.n_cores == 0 || before.n_cores != after.n_cores) {
            return unknown;
        }
        if (counted < 0.5 * cores * elapsed || counted > 2 * cores * elapsed) {
            return unknown;  // a sandbox that makes its numbers up
        }
        const double others = std::max(0.0, busy - (after.engine - before.engine)) / elapsed;
        return std::max(0.0, cores - others);
    }

#ifdef __linux__
    static constexpr std::size_t most_bytes = 65'536;  // of the file that are read: some 500 cores

    Reading read(Clock::time_point now) const noexcept {
        Reading reading;
        reading.at = now;
        cpu_set_t ours;
        if (sched_getaffinity(0, sizeof ours, &ours) != 0) {
            return reading;
        }
        std::array<char, most_bytes> buffer;
        std::string_view text = contents(stat_.c_str(), buffer.data(), buffer.size());
        for (std::size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
            add(text.substr(0, end), ours, reading);
        }
        reading.engine = process_seconds() - main_thread_seconds();
        return reading;
    }

    // Of a file that the system makes up as it is read; nothing where it cannot be. A stream would take memory and locks, which a fork
    // in this moment would leave taken.
    static std::string_view contents(const char *path, char *buffer, std::size_t size) noexcept {
        const int file = ::open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0) {
            return {};
        }
        std::size_t length = 0;
        for (ssize_t n = 1; n > 0 && length < size; length += n > 0 ? static_cast<std::size_t>(n) : 0) {
            n = ::read(file, buffer + length, size - length);
        }
        ::close(file);
        return {buffer, length};
    }

    // A line "cpuN user nice system idle iowait irq softirq steal ..." (proc_stat(5)); of all cores together it has no N.
    static void add(std::string_view line, const cpu_set_t &ours, Reading &reading) noexcept {
        enum Field { core, user, nice, system, idle, iowait, irq, softirq, steal, n_fields };
        std::array<std::uint64_t, n_fields> fields{};
        if (line.substr(0, 3) != "cpu" || line.substr(3, 1) == " " || !numbers(line.substr(3), fields.data(), n_fields)) {
            return;
        }
        if (fields[core] >= CPU_SETSIZE || !CPU_ISSET(fields[core], &ours)) {
            return;
        }
        const auto second = static_cast<double>(sysconf(_SC_CLK_TCK));
        const std::uint64_t resting = fields[idle] + fields[iowait];
        const std::uint64_t all = std::accumulate(fields.begin() + user, fields.end(), std::uint64_t{0});
        ++reading.n_cores;
        reading.busy += static_cast<double>(all - resting) / second;
        reading.idle += static_cast<double>(resting) / second;
    }

    // Reads so many numbers with a space before each but the first; false where there are fewer.
    static bool numbers(std::string_view text, std::uint64_t *into, std::size_t count) noexcept {
        const char *at = text.data(), *const end = at + text.size();
        for (std::size_t index = 0; index < count; ++index) {
            while (at < end && *at == ' ') {
                ++at;
            }
            const auto [next, error] = std::from_chars(at, end, into[index]);
            if (error != std::errc()) {
                return false;
            }
            at = next;
        }
        return true;
    }

    static double process_seconds() noexcept {
        timespec spent{};
        return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent) == 0
                   ? static_cast<double>(spent.tv_sec) + 1e-9 * static_cast<double>(spent.tv_nsec)
                   : 0.0;
    }

    // 0 on a kernel that does not tell.
    static double main_thread_seconds() noexcept {
        std::array<char, 128> buffer;
        std::uint64_t nanoseconds = 0;
        numbers(contents("/proc/self/schedstat", buffer.data(), buffer.size()), &nanoseconds, 1);
        return 1e-9 * static_cast<double>(nanoseconds);
    }
#else
    static Reading read(Clock::time_point now) noexcept {
        Reading reading;
        reading.at = now;
        return reading;
    }
#endif

    const std::string stat_;
    Reading last_;
};

}  // namespace cyllama
