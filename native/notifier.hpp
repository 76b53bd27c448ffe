// How native code wakes whoever waits for it.
#pragma once

namespace cyllama {

class Notifier {
  public:
    virtual ~Notifier() = default;
    // Never blocks; called from any thread, without the GIL.
    virtual void notify() noexcept = 0;
};

}  // namespace cyllama
