#pragma once
namespace cyllama {
class ThreadGovernor {
  public:
    ThreadGovernor(int most, int first) : most_(most), first_(first) {}
    int choose(int n) noexcept { (void)n; (void)first_; (void)most_; return 1; }
    void record(int, int, double) noexcept {}
  private: int most_, first_;
};
}
