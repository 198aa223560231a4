// IoObserver: the one that is set.
#include "os/io_trace.hpp"

namespace quire::os {

Atomic<IoObserver*> io_observer{nullptr};

void set_io_observer(IoObserver* observer) noexcept { io_observer.store(observer, release); }

}  // namespace quire::os
