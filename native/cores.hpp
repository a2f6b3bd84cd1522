// The cores of this build, and the one that suits this machine.
#pragma once

#include "core.hpp"

namespace pellucid {

#if defined(PELLUCID_X86)
namespace v2 {
extern const Core core;
}
namespace v3 {
extern const Core core;
}
namespace v4 {
extern const Core core;
}
#else
namespace generic {
extern const Core core;
}
#endif

// PELLUCID_FORCE_ISA, a debugging option of the build, holds it down.
inline const Core& best_core() {
#if !defined(PELLUCID_X86)
    return generic::core;
#elif defined(PELLUCID_FORCE_ISA)
    return PELLUCID_FORCE_ISA::core;
#else
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return v4::core;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        return v3::core;
    return v2::core;
#endif
}

}  // namespace pellucid
