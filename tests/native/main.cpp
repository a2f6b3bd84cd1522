// Runs the core's tests for every instruction set of this machine.

#include <optional>

#include "cores.hpp"
#include "plan.hpp"
#include "planned.hpp"

namespace pellucid {
#if defined(PELLUCID_X86)
namespace v2 {
int test_core();
}
namespace v3 {
int test_core();
}
namespace v4 {
int test_core();
}
#else
namespace generic {
int test_core();
}
#endif

void plan_matrices(ProgramSpec& spec, LayerSpec* layers, const Core& core) {
    static std::optional<Plan> plan;
    plan.emplace(spec, layers, core);
}
}  // namespace pellucid

int main() {
    int failures = 0;
#if defined(PELLUCID_X86)
    failures += pellucid::v2::test_core();
    const pellucid::Core& best = pellucid::best_core();
    if (&best != &pellucid::v2::core) failures += pellucid::v3::test_core();
    if (&best == &pellucid::v4::core) failures += pellucid::v4::test_core();
#else
    failures += pellucid::generic::test_core();
#endif
    return failures < 100 ? failures : 100;
}
