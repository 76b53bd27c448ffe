// How many cores the rest of the machine leaves to the engine, as Linux counts their time.
#pragma once

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#ifdef __linux__
#include <sched.h>
#include <sstream>
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
    void restart() { last_ = read(Clock::now()); }

    // Cores that were left to the engine since the last look, of those that it may run on: nothing while that is too short a time,
    // `unknown` where the system does not tell. What the main thread computes is not the engine's, the rest of this process is.
    std::optional<double> look() {
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
    Reading read(Clock::time_point now) const {
        Reading reading;
        reading.at = now;
        cpu_set_t ours;
        if (sched_getaffinity(0, sizeof ours, &ours) != 0) {
            return reading;
        }
        std::ifstream file(stat_);
        std::string line;
        std::getline(file, line);  // all cores together
        while (std::getline(file, line) && line.compare(0, 3, "cpu") == 0) {
            add(line, ours, reading);
        }
        reading.engine = process_seconds() - main_thread_seconds();
        return reading;
    }

    // A line "cpuN user nice system idle iowait irq softirq steal ..." (proc_stat(5)).
    static void add(const std::string &line, const cpu_set_t &ours, Reading &reading) {
        std::istringstream fields(line.substr(3));
        int core = 0;
        double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, irq = 0, softirq = 0, stolen = 0;
        fields >> core >> user >> nice >> system >> idle >> waiting >> irq >> softirq >> stolen;
        if (fields && core >= 0 && core < CPU_SETSIZE && CPU_ISSET(core, &ours)) {
            const double second = static_cast<double>(sysconf(_SC_CLK_TCK));
            ++reading.n_cores;
            reading.busy += (user + nice + system + irq + softirq + stolen) / second;
            reading.idle += (idle + waiting) / second;
        }
    }

    static double process_seconds() noexcept {
        timespec spent{};
        return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent) == 0
                   ? static_cast<double>(spent.tv_sec) + 1e-9 * static_cast<double>(spent.tv_nsec)
                   : 0.0;
    }

    // 0 on a kernel that does not tell.
    static double main_thread_seconds() {
        double nanoseconds = 0;
        std::ifstream("/proc/self/schedstat") >> nanoseconds;
        return 1e-9 * nanoseconds;
    }
#else
    static Reading read(Clock::time_point now) {
        Reading reading;
        reading.at = now;
        return reading;
    }
#endif

    const std::string stat_;
    Reading last_;
};

}  // namespace cyllama
